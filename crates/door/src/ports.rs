//! Which TCP ports of a desktop can be reached by [`crate::Lanes`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::text::tame;

/// Ports listed at most.
pub const MOST_PORTS: usize = 256;
/// Longest name of a program, in characters; the kernel's own have 15.
const LONGEST_NAME: usize = 32;
const LIMITS: ExecLimits = ExecLimits { max_output: 256 * 1024, timeout: Duration::from_secs(30) };
/// As root, or the names of other people's programs would be missing.
const COMMAND: &str = "sudo -n ss -Hltnp";

/// A port in which a program inside waits for connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningPort {
    pub port: u16,
    /// The program's name, made safe to show. The desktop says so.
    pub program: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    #[error("the desktop did not list its ports")]
    Exec(#[from] ExecError),
    #[error("the desktop can't list its ports")]
    Failed,
}

impl Door {
    /// The ports that a connection to the desktop's loopback reaches, by number.
    pub async fn listening_ports(&self) -> Result<Vec<ListeningPort>, PortsError> {
        let output = self.exec(COMMAND, "", LIMITS).await?;
        if !output.succeeded() {
            return Err(PortsError::Failed);
        }
        let mut ports = BTreeMap::new();
        for found in String::from_utf8_lossy(&output.stdout).lines().filter_map(listening) {
            if ports.len() < MOST_PORTS || ports.contains_key(&found.port) {
                ports.entry(found.port).or_insert(found);
            }
        }
        Ok(ports.into_values().collect())
    }
}

/// `LISTEN 0 511 127.0.0.1:3000 0.0.0.0:* users:(("node",pid=7,fd=19))`; `None` for what can't be
/// reached, or is no such line.
fn listening(line: &str) -> Option<ListeningPort> {
    let mut words = line.split_whitespace();
    let (state, _, _, local) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (address, port) = local.rsplit_once(':')?;
    let reachable = matches!(address, "*" | "0.0.0.0" | "[::]" | "127.0.0.1" | "[::1]");
    let port = port.parse().ok().filter(|port| *port != 0)?;
    if state != "LISTEN" || !reachable {
        return None;
    }
    let program = line.split_once("users:((\"").and_then(|(_, rest)| rest.split_once('"'));
    let program = program.map(|(name, _)| tame(name.as_bytes()).chars().take(LONGEST_NAME).collect());
    Some(ListeningPort { port, program: program.filter(|name: &String| !name.is_empty()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ss_says_is_read() {
        let told = |line: &str| listening(line).map(|found| (found.port, found.program.unwrap_or_default()));
        let node =
            r#"LISTEN 0      511        127.0.0.1:3000      0.0.0.0:*    users:(("node",pid=7,fd=19))"#;
        assert_eq!(told(node), Some((3000, "node".into())));
        assert_eq!(told("LISTEN 0 5 *:8080 *:*"), Some((8080, String::new())));
        assert_eq!(told("LISTEN 0 5 [::1]:631 [::]:*"), Some((631, String::new())));
        for unreachable in ["LISTEN 0 5 10.0.0.2:80 0.0.0.0:*", "LISTEN 0 5 127.0.0.53%lo:53 0.0.0.0:*"] {
            assert_eq!(told(unreachable), None);
        }
    }

    #[test]
    fn what_a_hostile_desktop_says_is_bounded_or_refused() {
        for odd in [
            "",
            "LISTEN",
            "LISTEN 0 5 *:0 *:*",
            "LISTEN 0 5 *:65536 *:*",
            "LISTEN 0 5 *:x *:*",
            "ESTAB 0 0 *:80 *:*",
        ] {
            assert_eq!(listening(odd), None, "{odd}");
        }
        let long = format!("LISTEN 0 5 *:80 *:* users:((\"\u{202e}{}\",pid=1))", "x".repeat(5000));
        let name = listening(&long).unwrap().program.unwrap();
        assert_eq!(name.chars().count(), LONGEST_NAME);
        assert!(name.starts_with('\u{fffd}'));
    }
}
