//! Against servers that say anything.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const VERSION: u8 = 2;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const NAME: u8 = 104;
const ATTRIBUTES: u8 = 105;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REALPATH: u8 = 16;

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// An answer's kind and what follows the question's number.
type Answer = (u8, Vec<u8>);

fn names(names: impl IntoIterator<Item = Vec<u8>>) -> Answer {
    let all: Vec<_> = names.into_iter().map(|name| [text(&name), text(b""), vec![0; 4]].concat()).collect();
    (NAME, [u32::try_from(all.len()).unwrap().to_be_bytes().to_vec(), all.concat()].concat())
}

fn end() -> Answer {
    (STATUS, [1_u32.to_be_bytes().to_vec(), text(b""), text(b"")].concat())
}

/// A server that answers as it is told by the kind of a question, or does not where that says nothing.
async fn server(mut stream: DuplexStream, mut answer: impl FnMut(u8) -> Option<Answer>) {
    while let Ok(length) = stream.read_u32().await {
        let mut question = vec![0; length as usize];
        stream.read_exact(&mut question).await.unwrap();
        let number = &question[1..5];
        let (kind, rest) = match question[0] {
            1 => (VERSION, 3_u32.to_be_bytes().to_vec()),
            asked => match answer(asked) {
                Some((kind, rest)) => (kind, [number, &rest].concat()),
                None => continue,
            },
        };
        stream.write_all(&text(&[&[kind], rest.as_slice()].concat())).await.unwrap();
    }
}

async fn sftp(answer: impl FnMut(u8) -> Option<Answer> + Send + 'static) -> Sftp {
    let (ours, theirs) = duplex(64 << 10);
    tokio::spawn(server(theirs, answer));
    Sftp::over(ours, CancellationToken::new(), 1).await.unwrap()
}

/// A folder whose answers are made by `more`.
async fn folder(mut more: impl FnMut() -> Answer + Send + 'static) -> Sftp {
    sftp(move |asked| {
        Some(match asked {
            OPENDIR => (HANDLE, text(b"h")),
            READDIR => more(),
            _ => end(),
        })
    })
    .await
}

#[tokio::test]
async fn a_listing_is_bounded_in_bytes() {
    let mut count = 0_u64;
    let long = folder(move || {
        names((0..100).map(|_| {
            count += 1;
            format!("{count:0>700}").into_bytes()
        }))
    });
    let listing = long.await.list("/").await.unwrap();
    assert!(listing.truncated);
    let bytes: usize = listing.entries.iter().map(|(name, _)| name.len()).sum();
    assert!((MOST_LISTED / 2..=MOST_LISTED).contains(&bytes), "{bytes}");

    let mut count = 0_u64;
    let many = folder(move || {
        names((0..100).map(|_| {
            count += 1;
            format!("{count:0>255}").into_bytes()
        }))
    });
    let listing = many.await.list("/").await.unwrap();
    assert_eq!(
        (listing.entries.len(), listing.truncated),
        (MOST_ENTRIES, true),
        "the longest that Linux has"
    );
}

#[tokio::test]
async fn names_that_no_file_has_are_left_out() {
    let mut answers =
        vec![end(), names([vec![b'x'; 250_000], vec![b'y'; 255], vec![0xff; 255], b"a".to_vec()])];
    let listing = folder(move || answers.pop().unwrap_or_else(end)).await.list("/").await.unwrap();
    let lengths: Vec<_> = listing.entries.iter().map(|(name, _)| name.len()).collect();
    assert_eq!((lengths, listing.truncated), (vec![255, 3 * 255, 1], false));
}

#[tokio::test]
async fn a_folder_that_gives_nothing_for_ever_has_an_end() {
    for nothing in [vec![], vec![b"..".to_vec()], vec![vec![b'x'; 100_000]]] {
        let endless = folder(move || names(nothing.clone())).await;
        assert!(matches!(endless.list("/").await, Err(SftpError::Server(_))));
    }
}

#[tokio::test]
async fn paths_and_handles_are_bounded() {
    let said = |path: &str| {
        let path = path.as_bytes().to_vec();
        sftp(move |asked| Some(if asked == REALPATH { names([path.clone()]) } else { end() }))
    };
    assert_eq!(said("/home/desk").await.real_path(".").await.unwrap(), "/home/desk");
    for wrong in [format!("/{}", "x".repeat(200_000)), "home".to_owned(), String::new()] {
        assert!(matches!(said(&wrong).await.real_path(".").await, Err(SftpError::Server(_))));
    }
    let long = sftp(|_| Some((HANDLE, text(&[b'h'; 200_000])))).await;
    assert!(matches!(long.open_folder("/").await, Err(SftpError::Server(_))));
}

/// What was to be written to one that takes nothing more is kept until the last who waits for it has gone, and no longer.
#[tokio::test]
async fn a_server_that_falls_silent_is_left_alone_and_let_go_of() {
    let (ours, mut theirs) = duplex(1000);
    let greeted = tokio::spawn(async move {
        theirs.read_exact(&mut [0; 9]).await.unwrap();
        theirs.write_all(&text(&[VERSION, 0, 0, 0, 3])).await.unwrap();
        theirs
    });
    let silent = Sftp::over(ours, CancellationToken::new(), 1).await.unwrap();
    let mut theirs = greeted.await.unwrap();
    assert!(silent.answers());
    assert!(matches!(silent.info(&"x".repeat(4000)).await, Err(SftpError::Server(Error::Timeout))));
    assert!(!silent.answers(), "whoever comes now gets another");
    let other = silent.clone();
    drop(silent);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(theirs.write_all(&[0]).await.is_ok(), "somebody still has it");
    drop(other);
    let gone = async {
        while theirs.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), gone).await.expect("it is let go of");
}

#[tokio::test]
async fn what_is_at_a_path_is_what_the_server_says() {
    let stat = sftp(|_| {
        Some((ATTRIBUTES, [1_u32.to_be_bytes().to_vec(), u64::MAX.to_be_bytes().to_vec()].concat()))
    });
    let info = stat.await.info("/x").await.unwrap();
    assert_eq!((info.kind, info.size), (FileKind::Other, u64::MAX));
}

#[test]
fn names_that_lead_elsewhere_are_none() {
    assert!(is_plain_name("a b.txt") && is_plain_name("..."));
    for name in ["", ".", "..", "../x", "a/b", "/etc", "a\0b"] {
        assert!(!is_plain_name(name), "{name:?}");
    }
}

#[test]
fn a_socket_is_no_file_though_it_has_the_same_bit() {
    let kind =
        |bits| FileInfo::from(FileAttributes { permissions: Some(bits), ..FileAttributes::empty() }).kind;
    assert_eq!(kind(0o140_644), FileKind::Other);
    assert_eq!(kind(0o100_644), FileKind::File);
    assert_eq!(kind(0o120_777), FileKind::Link);
    assert_eq!(kind(0), FileKind::Other);
}
