//! A port here that leads into a desktop.

use std::process::Stdio;

use rolltop_testing::PATIENCE;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::platform::Platform;

#[tokio::test(flavor = "multi_thread")]
async fn a_port_here_is_one_inside() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let mut command = person.rolltop(&["forward", "research", "0:7", "0:9", "--json"]);
    let mut forward = command.stdin(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(forward.stdout.take().unwrap()).lines();
    let mut places = Vec::new();
    for remote in [7, 9] {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["remote"], remote);
        places.push(line["local"].as_str().unwrap().to_owned());
    }
    assert!(places[0].starts_with("127.0.0.1:"), "only from this machine");
    // Several at once, each with bytes of its own, and an end of its own.
    let echo = async |byte: u8| {
        let much = vec![byte; 3_000_000];
        let stream = TcpStream::connect(&places[0]).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let writing = async {
            write.write_all(&much).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let mut back = Vec::new();
        let (_, read) = tokio::join!(writing, read.read_to_end(&mut back));
        read.unwrap();
        assert!(back == much, "{} bytes came back", back.len());
    };
    timeout(PATIENCE, async { tokio::join!(echo(1), echo(2), echo(3)) }).await.unwrap();
    // Nothing listens there: the connection ends, the reason is told, and the rest goes on.
    let mut nothing = TcpStream::connect(&places[1]).await.unwrap();
    assert_eq!(timeout(PATIENCE, nothing.read_to_end(&mut Vec::new())).await.unwrap().unwrap_or(0), 0);
    let mut told = BufReader::new(forward.stderr.take().unwrap()).lines();
    let line = timeout(PATIENCE, told.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("port_closed"), "{line}");
    timeout(PATIENCE, echo(4)).await.unwrap();
    forward.kill().await.unwrap();
    assert_eq!(person.fails(&["forward", "research", "x"]).await.0, 2);
}
