//! The web tier in front of the stand-in API, to look at pages without a host:
//! `cargo run -p rolltop-web-server --example stand_in -- 127.0.0.1:8444 [empty] [no-store]`.
//! Sign in as `sam` with the password `a walnut desk`, or follow `/welcome/lnk_first`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

#[path = "../tests/stand_in/mod.rs"]
mod stand_in;

use std::time::Duration;

use rolltop_web_server::{WebConfig, bind};
use stand_in::{Behaviour, StandIn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8444".to_owned()).parse()?;
    let words: Vec<String> = arguments.collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    let (desktops, copies) = (!has("empty"), !has("no-store"));
    let directory = tempfile::tempdir()?;
    let behaviour = Behaviour { step: Duration::from_millis(700), desktops, copies };
    let api = StandIn::start(&directory.path().join("api.sock"), behaviour).await;
    let server = bind(WebConfig {
        listen,
        api_socket: api.socket.clone(),
        data_dir: directory.path().to_owned(),
        public_url: None,
        certificate: None,
        limits: rolltop_web_server::Limits::default(),
    })
    .await?;
    println!("{}", server.url());
    server.serve(async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
