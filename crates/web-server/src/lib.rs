//! The web tier: pages, sign-in, the session cookie, and the one public HTTPS port.
//!
//! It holds no database, no key of the platform's, and no knowledge of machines; it keeps no
//! state between requests. The browser's cookie is the API's session token, and every page is
//! made from what the API answers to it. `/v1` and its WebSockets are passed through after
//! session, Origin and CSRF have been checked; their bytes are not looked at.
//!
//! ```text
//! browser ──TLS──► guard (Origin, Sec-Fetch-Site) ──► pages ──typed client──► API
//!                                                 └─► proxy ──bytes as they are──► API
//!   PORT--NAME.HOST ─────► preview ──a pass of its own──► API ──► a program's pages in a desktop
//! ```
//!
//! Deliberately absent: inline scripts and styles (the content security policy forbids them),
//! sentences in code (they are in `messages/`), business rules (they are the API's).

mod access;
mod app;
mod assets;
mod components;
mod compress;
mod config;
mod connection;
mod cookie;
mod docs;
mod failure;
mod guard;
mod headers;
mod language;
mod one_host;
mod pages;
mod preview;
mod proxy;
mod server;
mod tls;
mod tls_names;
mod tls_only;
mod view;

pub use config::{Limits, WebConfig};
pub use server::{Server, ServerError, bind, serve};
pub use tls::{Certificate, CertificateError};
