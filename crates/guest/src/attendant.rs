//! `rolltop-guest attend`: a process of root's that waits to end what people run, or to say how much is asked of the machine.
//!
//! It is there because a machine that is full lets nobody start anything: sshd passes a connection on to its socket in the process
//! that serves the door's connection already, so nothing new is needed on the way here, nor here. It lies locked in memory, reads one
//! word of one connection at a time and keeps nothing.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rolltop_guest_protocol::{ATTENDANT_SOCKET, END, LOOK};
use rustix::mm::{MlockAllFlags, mlockall};

use crate::end::{self, EndError};
use crate::init::{self, Entitled, PrivilegeError};

/// For whoever connects to say something, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);
/// The longest word and what ends it.
const WORD: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum AttendError {
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    #[error("nobody could be waited for at {ATTENDANT_SOCKET}")]
    Socket(#[source] io::Error),
}

/// Waits for ever.
pub fn serve() -> Result<(), AttendError> {
    let entitled = init::may_initialise_here()?;
    // What is not there when memory runs out would have to be read again, by somebody who waits for memory.
    let _ = mlockall(MlockAllFlags::CURRENT);
    let socket = listen(Path::new(ATTENDANT_SOCKET), entitled.door).map_err(AttendError::Socket)?;
    loop {
        let answered = socket.accept().and_then(|(stream, _)| answer(&stream, &entitled));
        if answered.is_err() {
            // Nobody is to have it busy by coming and going.
            std::thread::sleep(PAUSE);
        }
    }
}

/// A socket for the door's user alone.
fn listen(path: &Path, door: Option<u32>) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let socket = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    chown(path, door, None)?;
    Ok(socket)
}

fn answer(stream: &UnixStream, entitled: &Entitled) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let load = match word(stream)?.as_str() {
        LOOK => end::load(Path::new("/proc")),
        END => end::people(entitled).map_err(|error: EndError| io::Error::other(error))?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let mut line = serde_json::to_vec(&load)?;
    line.push(b'\n');
    (&*stream).write_all(&line)
}

/// What comes before the first line ends.
fn word(mut stream: impl io::Read) -> io::Result<String> {
    let mut said = Vec::with_capacity(WORD);
    for _ in 0..WORD {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return String::from_utf8(said).map_err(io::Error::other);
        }
        said.extend_from_slice(&byte);
    }
    Err(io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn one_short_word_is_read_and_no_more() {
        assert_eq!(word(&b"end\nmore"[..]).unwrap(), "end");
        assert!(word(&b"end"[..]).is_err(), "cut off");
        assert!(word(&[b'x'; 1000][..]).is_err(), "too long");
    }

    #[test]
    fn its_socket_takes_the_place_of_what_is_there_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        fs::write(&path, "left behind").unwrap();
        let own = rustix::process::getuid().as_raw();
        let socket = listen(&path, Some(own)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let asked = UnixStream::connect(&path).unwrap();
        (&asked).write_all(b"look\n").unwrap();
        let entitled = Entitled { door: None };
        answer(&socket.accept().unwrap().0, &entitled).unwrap();
        let mut told = String::new();
        (&asked).take(1000).read_to_string(&mut told).unwrap_or_default();
        let load: rolltop_guest_protocol::Load = serde_json::from_str(told.trim()).unwrap();
        assert!(
            load.processes > 0 && load.most_processes > load.processes && load.memory > load.free_memory,
            "{load:?}"
        );
    }
}
