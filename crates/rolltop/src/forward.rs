//! `rolltop forward`: a port here that leads to one inside a desktop, over the API.
//!
//! Only programs on this machine reach it, unless another address is asked for. Each connection is a
//! WebSocket of its own; neither side is read faster than the other takes it.

use std::net::SocketAddr;

use clap::Args;
use futures::{SinkExt as _, StreamExt as _};
use rolltop_api_types::PortSocket;
use rolltop_model::DesktopId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{print, print_json_line, say};

#[derive(Args)]
pub struct Forward {
    /// The desktop
    pub name: String,
    /// REMOTE, LOCAL:REMOTE or ADDRESS:LOCAL:REMOTE; 0 as LOCAL takes any free port
    #[arg(required = true, value_name = "PORTS")]
    pub ports: Vec<String>,
}

/// Read at once, bytes.
const PIECE: usize = 32 * 1024;

/// What is listened on here, and the port in the desktop.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    here: SocketAddr,
    there: u16,
}

/// `REMOTE`, `LOCAL:REMOTE` or `ADDRESS:LOCAL:REMOTE`; port 0 here takes any free one.
fn way(text: &str) -> Option<Way> {
    let (here, there) = match text.rsplit_once(':') {
        Some((here, there)) => (here, there),
        None => (text, text),
    };
    let there = there.parse().ok().filter(|port| *port != 0)?;
    let here = match here.parse::<u16>() {
        Ok(port) => SocketAddr::from(([127, 0, 0, 1], port)),
        Err(_) => here.parse().ok()?,
    };
    Some(Way { here, there })
}

pub async fn run(connection: &Connection, command: &Forward) -> Result<u8, Failure> {
    let ways = command.ports.iter().map(|text| {
        way(text).ok_or_else(|| {
            Failure::usage(format!("{text} is no port; write REMOTE or LOCAL:REMOTE, such as 8000:3000."))
        })
    });
    let ways = ways.collect::<Result<Vec<Way>, Failure>>()?;
    let desktop = find::desktop(connection, &command.name).await?;
    let mut serving = Vec::new();
    for way in ways {
        let listener = TcpListener::bind(way.here).await;
        let listener =
            listener.map_err(|error| Failure::io(format!("{} can't be listened on", way.here), &error))?;
        let here = listener.local_addr().map_err(|error| Failure::io("the port", &error))?;
        if connection.json {
            print_json_line(&serde_json::json!({"local": here.to_string(), "remote": way.there}))?;
        } else {
            print(&format!("{here} leads to port {} of {}\n", way.there, desktop.name))?;
        }
        serving.push(serve(connection, desktop.id, listener, way.there));
    }
    // Until interrupted.
    futures::future::join_all(serving).await;
    Ok(0)
}

async fn serve(connection: &Connection, desktop: DesktopId, listener: TcpListener, port: u16) {
    let mut open = futures::stream::FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => open.push(carry(connection, desktop, port, stream)),
                Err(error) => {
                    say(&format!("rolltop: a connection was not taken: {error}\n"));
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
            Some(result) = open.next(), if !open.is_empty() => {
                if let Err(failure) = result {
                    failure.tell(connection.json);
                }
            }
        }
    }
}

async fn carry(
    connection: &Connection,
    desktop: DesktopId,
    port: u16,
    stream: TcpStream,
) -> Result<(), Failure> {
    match connection.client.connect_port(desktop, port).await {
        Ok(socket) => {
            let _ = stream.set_nodelay(true);
            splice(socket, stream).await
        }
        Err(error) => Err(connection.explain(error.into()).await),
    }
}

/// Bytes both ways until both sides are done.
async fn splice(socket: PortSocket, mut stream: TcpStream) -> Result<(), Failure> {
    let (mut to_desktop, mut from_desktop) = socket.split();
    let (mut read, mut write) = stream.split();
    let outward = async {
        let mut buffer = vec![0; PIECE];
        loop {
            // An error here is the end of whoever sent.
            let length = read.read(&mut buffer).await.unwrap_or(0);
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            let sent = to_desktop.send(Message::binary(bytes)).await;
            if length == 0 || sent.is_err() {
                return;
            }
        }
    };
    let inward = async {
        while let Some(message) = from_desktop.next().await {
            match message {
                Ok(Message::Binary(bytes)) if bytes.is_empty() => {
                    let _ = write.shutdown().await;
                }
                Ok(Message::Binary(bytes)) => {
                    if write.write_all(&bytes).await.is_err() {
                        // Nobody here takes more; letting go of both ends says so to the desktop.
                        return Ok(());
                    }
                }
                Ok(Message::Close(frame)) => match frame {
                    Some(frame) if u16::from(frame.code) != 1000 => {
                        let detail = format!("A connection ended: {}.", frame.reason);
                        return Err(Failure::new(Exit::Unreachable, "broke_off", detail));
                    }
                    Some(_) | None => return Ok(()),
                },
                Ok(_) => {}
                Err(_) => {
                    return Err(Failure::new(Exit::Unreachable, "broke_off", "A connection broke off."));
                }
            }
        }
        Ok(())
    };
    // What is read here may end first; the desktop may still have something to say.
    let (mut outward, mut inward) = (std::pin::pin!(outward), std::pin::pin!(inward));
    tokio::select! {
        result = &mut inward => result,
        () = &mut outward => inward.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_ssh_reads_them() {
        let of = |text| way(text).map(|way| (way.here.to_string(), way.there));
        assert_eq!(of("3000"), Some(("127.0.0.1:3000".to_owned(), 3000)));
        assert_eq!(of("8000:3000"), Some(("127.0.0.1:8000".to_owned(), 3000)));
        assert_eq!(of("0:3000"), Some(("127.0.0.1:0".to_owned(), 3000)));
        assert_eq!(of("0.0.0.0:8000:3000"), Some(("0.0.0.0:8000".to_owned(), 3000)));
        for bad in ["", "x", "0", "8000:0", "8000:", ":3000", "1:2:3", "70000"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
