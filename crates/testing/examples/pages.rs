//! A whole platform over simulated machines, for tests that look at its pages with a browser:
//! `cargo run -p rolltop-testing --example pages -- 127.0.0.1:8444`.
//!
//! Prints its address and, on the next line, the token of a session. Who wants to sign in is `sam` with the password
//! `a walnut desk`. Ends with Ctrl+C.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails a test")]

use rolltop_api_types::SetPassword;
use rolltop_testing::Platform;
use secrecy::ExposeSecret;

const NAME: &str = "sam";
const PASSWORD: &str = "a walnut desk";

#[tokio::main]
async fn main() {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8444".to_owned()).parse().unwrap();
    let platform = Platform::start().await;
    let (person, token) = platform.session_with_token().await;
    let password = SetPassword { name: NAME.to_owned(), present: None, password: PASSWORD.into() };
    person.set_password(&password).await.unwrap();
    let web = platform.web_at(listen, rolltop_web_server::Limits::default()).await;
    println!("{}\n{}", web.url, token.expose_secret());
    tokio::signal::ctrl_c().await.unwrap();
}
