//! Files of a desktop, pictures, the console.

use futures::StreamExt;
use insta::assert_snapshot;
use reqwest::Method;
use rolltop_api_server::ApiConfig;
use rolltop_api_types::{
    Code, CopyFile, DesktopState, FileKind, MoveFile, SaveCondition, UpdateFile, UploadAt, UploadPart,
};
use rolltop_control::ControlConfig;
use rolltop_model::DesktopId;
use rolltop_testing::{PATIENCE, Platform, comes_true};
use tokio::time::timeout;

use crate::told::told;

/// "# Today\n\n- nothing yet\n": the simulated desktop has it.
const FILE: &str = "/home/desk/notes/today.md";
/// 8 MiB, byte n being n modulo 251.
const LARGE: &str = "/home/desk/large.bin";

fn content(id: DesktopId, path: &str) -> String {
    format!("/v1/desktops/{id}/files/content?path={path}")
}

#[tokio::test]
async fn a_file_comes_whole_or_in_part() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let client = &platform.client;
    let whole = client.file(desktop.id, FILE, None).await.unwrap();
    assert_eq!(whole.length(), Some(23));
    assert_eq!(whole.into_bytes().await.unwrap(), b"# Today\n\n- nothing yet\n");
    let part = client.file(desktop.id, FILE, Some(2..=6)).await.unwrap();
    assert_eq!((part.length(), part.whole_length()), (Some(5), Some(23)));
    assert_eq!(part.into_bytes().await.unwrap(), b"Today");
    let end = platform
        .raw(Method::GET, &content(desktop.id, FILE))
        .header("range", "bytes=-4")
        .send()
        .await
        .unwrap();
    assert_eq!(end.status(), 206);
    assert_eq!(end.headers()["content-range"], "bytes 19-22/23");
    assert_eq!(end.bytes().await.unwrap(), "yet\n");
}

#[tokio::test]
async fn an_empty_file_comes_empty() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let empty = platform.client.file(desktop.id, "/home/desk/empty", None).await.unwrap();
    assert_eq!(empty.length(), Some(0));
    assert_eq!(empty.into_bytes().await.unwrap(), b"");
}

#[tokio::test]
async fn a_large_file_comes_as_it_is() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let whole = platform.client.file(desktop.id, LARGE, None).await.unwrap().into_bytes().await.unwrap();
    assert_eq!(whole.len(), 8 << 20);
    assert!(whole.iter().enumerate().all(|(place, byte)| usize::from(*byte) == place % 251));
    let range = (5 << 20)..=(7 << 20);
    let part =
        platform.client.file(desktop.id, LARGE, Some(range)).await.unwrap().into_bytes().await.unwrap();
    assert!(part == whole[5 << 20..=7 << 20]);
}

#[tokio::test]
async fn a_browser_can_only_store_a_file() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let response = platform.raw(Method::GET, &content(desktop.id, FILE)).send().await.unwrap();
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["content-disposition"], "attachment; filename*=UTF-8''today.md");
    assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
}

#[tokio::test]
async fn files_that_can_not_be_had() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let get = |path: &str| told(platform.raw(Method::GET, &content(desktop.id, path)));
    assert_snapshot!(get("/no/such/file").await, @r#"
    404 application/problem+json
    {
      "code": "file_not_found",
      "detail": "There is no such file.",
      "status": 404,
      "title": "There is no such file",
      "type": "urn:rolltop:problem:file_not_found"
    }
    "#);
    assert_snapshot!(get("/home/desk").await, @r#"
    409 application/problem+json
    {
      "code": "not_a_file",
      "detail": "It is not a regular file.",
      "status": 409,
      "title": "This is not a regular file",
      "type": "urn:rolltop:problem:not_a_file"
    }
    "#);
    assert_snapshot!(get("relative").await, @r#"
    422 application/problem+json
    {
      "code": "invalid_path",
      "detail": "A path inside a desktop begins with / and has at most 4096 bytes.",
      "errors": [
        {
          "detail": "A path inside a desktop begins with / and has at most 4096 bytes.",
          "field": "path"
        }
      ],
      "status": 422,
      "title": "The path can't be used",
      "type": "urn:rolltop:problem:invalid_path"
    }
    "#);
    let range = platform.raw(Method::GET, &content(desktop.id, FILE)).header("range", "bytes=23-");
    assert_snapshot!(told(range).await, @r#"
    416 application/problem+json
    {
      "code": "range_not_satisfiable",
      "detail": "The file has 23 bytes; ask for a range within them.",
      "status": 416,
      "title": "The file has no such range",
      "type": "urn:rolltop:problem:range_not_satisfiable"
    }
    "#);
}

#[tokio::test]
async fn a_picture_and_the_consoles_end() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let picture = platform.client.screenshot(desktop.id, 320).await.unwrap();
    assert_eq!(picture.content_type, "image/jpeg");
    assert_eq!(picture.bytes[..3], [0xff, 0xd8, 0xff]);
    assert!(!platform.client.console(desktop.id).await.unwrap().is_empty());
    let error = platform.client.screenshot(desktop.id, 5).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::InvalidQuery));
    platform.client.stop_desktop(desktop.id).await.unwrap();
    platform.until(desktop.id, rolltop_api_types::DesktopState::Stopped).await;
    let error = platform.client.screenshot(desktop.id, 320).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotRunning));
}

#[tokio::test]
async fn a_folder_is_listed_with_what_its_links_lead_to() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let folder = platform.client.list_files(desktop.id, "/home/desk/../desk").await.unwrap();
    assert_eq!(folder.path, "/home/desk");
    let told: Vec<_> = folder
        .items
        .iter()
        .map(|entry| {
            let target = entry.target_kind.map_or("", FileKind::as_str);
            format!("{} {} {} {} {target}", entry.kind.as_str(), entry.mode, entry.size, entry.name)
        })
        .collect();
    assert_eq!(
        told[..4],
        [
            "file 0644 0 empty ",
            "file 0644 8388608 large.bin ",
            "link 0777 16 latest folder",
            "folder 0755 4096 notes ",
        ]
    );
    let error = platform.client.list_files(desktop.id, FILE).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotAFolder));
}

#[tokio::test]
async fn a_file_is_saved_whole_or_not_at_all() {
    let platform = Platform::start().await;
    let (client, id) = (&platform.client, platform.running("research").await.id);
    let path = "/home/desk/new.txt";
    let saved = client.save_file(id, path, &SaveCondition::New, "hello").await.unwrap();
    assert_eq!((saved.offset, saved.file.unwrap().mode.as_str()), (5, "0644"));
    let again = client.save_file(id, path, &SaveCondition::New, "other").await.unwrap_err();
    assert_eq!(again.code(), Some(Code::FileExists));
    client.update_file(id, path, &UpdateFile { mode: "0600".into() }).await.unwrap();
    client.save_file(id, path, &SaveCondition::Any, "hello again").await.unwrap();
    assert_eq!(client.file_info(id, path).await.unwrap().mode, "0600", "the bits stay");

    // Two read it, both save: the second is told.
    let tag = client.file(id, path, None).await.unwrap().tag().unwrap();
    let condition = SaveCondition::Unchanged(tag);
    client.save_file(id, path, &condition, "mine").await.unwrap();
    let late = client.save_file(id, path, &condition, "theirs").await.unwrap_err();
    assert_eq!((late.code(), late.problem().unwrap().status), (Some(Code::FileChanged), 412));
    assert_eq!(client.file(id, path, None).await.unwrap().into_bytes().await.unwrap(), b"mine");

    // One that breaks off leaves nothing.
    let before = client.list_files(id, "/home/desk").await.unwrap();
    let broken = futures::stream::iter([Ok("half"), Err(std::io::Error::other("gone"))]);
    client.save_file(id, path, &SaveCondition::Any, reqwest::Body::wrap_stream(broken)).await.unwrap_err();
    let same = async || client.list_files(id, "/home/desk").await.unwrap() == before;
    assert!(comes_true(same).await, "{:#?}", client.list_files(id, "/home/desk").await);
    assert_eq!(client.file(id, path, None).await.unwrap().into_bytes().await.unwrap(), b"mine");
    // A link stays one.
    client.save_file(id, "/home/desk/latest/today.md", &SaveCondition::Any, "x").await.unwrap();
    assert_eq!(client.file(id, FILE, None).await.unwrap().into_bytes().await.unwrap(), b"x");
    let error = client.save_file(id, "/etc/hostname", &SaveCondition::Any, "x").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::FileDenied));
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off() {
    let platform = Platform::start().await;
    let (client, id) = (&platform.client, platform.running("research").await.id);
    let (path, bytes) = ("/home/desk/big.bin", (0..300_000u32).map(|n| (n % 249) as u8).collect::<Vec<_>>());
    let part = |first: u64, length: u64| UploadPart {
        upload: "firstupload".into(),
        first,
        length,
        total: bytes.len() as u64,
    };
    let piece = |first: usize, length: usize| bytes[first..first + length].to_vec();
    assert_eq!(client.upload(id, path, "firstupload").await.unwrap().offset, 0);
    let first = client.upload_file(id, path, &SaveCondition::Any, &part(0, 100_000), piece(0, 100_000)).await;
    assert_eq!(first.unwrap().offset, 100_000);
    let gap = client.upload_file(id, path, &SaveCondition::Any, &part(150_000, 10), piece(150_000, 10)).await;
    assert_eq!(gap.unwrap_err().code(), Some(Code::WrongOffset));
    // It breaks off in the middle of the second part, and goes on from there.
    let sent = futures::stream::iter([Ok::<_, std::io::Error>(piece(100_000, 50_000))]);
    let body = reqwest::Body::wrap_stream(sent.chain(futures::stream::pending()));
    let (theirs, second) = (client.clone(), part(100_000, 200_000));
    let uploading =
        tokio::spawn(async move { theirs.upload_file(id, path, &SaveCondition::Any, &second, body).await });
    let arrived = async || client.upload(id, path, "firstupload").await.unwrap().offset == 150_000;
    assert!(comes_true(arrived).await, "{:?}", client.upload(id, path, "firstupload").await);
    uploading.abort();
    assert!(uploading.await.unwrap_err().is_cancelled());
    assert_eq!(client.file_info(id, path).await.unwrap_err().code(), Some(Code::FileNotFound));
    let (rest, last) = (piece(150_000, 150_000), part(150_000, 150_000));
    let whole = client.upload_file(id, path, &SaveCondition::New, &last, rest).await.unwrap();
    assert_eq!(whole.file.unwrap().size, 300_000);
    assert!(client.file(id, path, None).await.unwrap().into_bytes().await.unwrap() == bytes);
    client.upload_file(id, path, &SaveCondition::Any, &part(0, 1000), piece(0, 1000)).await.unwrap();
    let first = UploadAt { path: path.to_owned(), upload: "firstupload".to_owned() };
    client.cancel_upload(id, &first).await.unwrap();
    assert_eq!(client.upload(id, path, "firstupload").await.unwrap().offset, 0);
}

#[tokio::test]
async fn files_are_moved_copied_and_deleted() {
    let platform = Platform::start().await;
    let (client, id) = (&platform.client, platform.running("research").await.id);
    client.create_folder(id, "/home/desk/it's here").await.unwrap();
    let error = client.create_folder(id, "/home/desk/it's here").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::FileExists));
    let to = |from: &str, to: &str| MoveFile { from: from.into(), to: to.into(), replace: false };
    client.move_file(id, &to("/home/desk/empty", "/home/desk/it's here/e")).await.unwrap();
    let taken =
        client.move_file(id, &to("/home/desk/welcome.txt", "/home/desk/it's here/e")).await.unwrap_err();
    assert_eq!(taken.code(), Some(Code::FileExists));
    let replace = MoveFile { replace: true, ..to("/home/desk/welcome.txt", "/home/desk/it's here/e") };
    assert!(client.move_file(id, &replace).await.unwrap().size > 0);
    let copy = CopyFile { from: "/home/desk/notes".into(), to: "/home/desk/it's here/notes".into() };
    client.copy_file(id, &copy).await.unwrap();
    assert_eq!(client.copy_file(id, &copy).await.unwrap_err().code(), Some(Code::FileExists));
    assert!(client.file_info(id, "/home/desk/it's here/notes/today.md").await.unwrap().size > 0);
    let full = client.delete_file(id, "/home/desk/it's here", false).await.unwrap_err();
    assert_eq!(full.code(), Some(Code::FolderNotEmpty));
    client.delete_file(id, "/home/desk/latest", true).await.unwrap();
    assert!(client.file_info(id, FILE).await.is_ok(), "a link goes, what it leads to stays");
    client.delete_file(id, "/home/desk/it's here", true).await.unwrap();
    let gone = client.file_info(id, "/home/desk/it's here").await.unwrap_err();
    assert_eq!(gone.code(), Some(Code::FileNotFound));
    let denied = client.delete_file(id, "/etc/hostname", false).await.unwrap_err();
    assert_eq!(denied.code(), Some(Code::FileDenied));
    let bits = client.update_file(id, FILE, &UpdateFile { mode: "rwx".into() }).await.unwrap_err();
    assert_eq!(bits.code(), Some(Code::InvalidMode));
}

#[tokio::test]
async fn a_folder_comes_as_a_zip_file_that_python_can_read() {
    let platform = Platform::start().await;
    let (client, id) = (&platform.client, platform.running("research").await.id);
    client.save_file(id, "/home/desk/notes/\u{e9}t\u{e9}.txt", &SaveCondition::Any, "soleil").await.unwrap();
    let bytes = client.archive(id, "/home/desk").await.unwrap().into_bytes().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("desk.zip");
    std::fs::write(&path, bytes).unwrap();
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
        print(sorted((i.filename, i.file_size) for i in z.infolist()))\nprint(z.read('desk/notes/\u{e9}t\u{e9}.txt'))";
    let python = std::process::Command::new("python3").arg("-c").arg(script).arg(&path).output().unwrap();
    let told = String::from_utf8_lossy(&python.stdout);
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    for file in ["('desk/', 0)", "('desk/large.bin', 8388608)", "('desk/notes/today.md', 23)", "b'soleil'"] {
        assert!(told.contains(file), "{file} in {told}");
    }
    assert!(!told.contains("latest"), "links are left out: {told}");
    assert_eq!(left_out_of(&path), "Left out of this archive:\n\ndesk/latest: a link\n");
}

/// What an archive says it has not, or nothing.
fn left_out_of(path: &std::path::Path) -> String {
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n\
        print(z.read('LEFT-OUT.txt').decode() if 'LEFT-OUT.txt' in z.namelist() else '', end='')";
    let python = std::process::Command::new("python3").arg("-c").arg(script).arg(path).output().unwrap();
    String::from_utf8(python.stdout).unwrap()
}

/// A list in the browser ends at 10,000; an archive does not.
#[tokio::test]
async fn a_folder_with_very_many_files_comes_whole() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    platform.engine.add_files(id, "/home/desk/many", 10_050).unwrap();
    let bytes = platform.client.archive(id, "/home/desk/many").await.unwrap().into_bytes().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("many.zip");
    std::fs::write(&path, bytes).unwrap();
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(len(z.namelist()))";
    let python = std::process::Command::new("python3").arg("-c").arg(script).arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&python.stdout).trim(), "10051", "{python:?}");
    assert_eq!(left_out_of(&path), "", "nothing is missing, so nothing is said");
}

/// What an archive notes of its files comes from the memory of all transfers.
#[tokio::test]
async fn an_archive_takes_no_more_memory_than_there_is() {
    // A workspace has half: for the request itself, and a MiB of notes.
    let little = ControlConfig { transfer_memory: 18 << 20, ..ControlConfig::default() };
    let platform = Platform::with(ApiConfig::default(), little).await;
    let id = platform.running("research").await.id;
    platform.engine.add_files(id, "/home/desk/many", 20_000).unwrap();
    let bytes = platform.client.archive(id, "/home/desk/many").await.unwrap().into_bytes().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("little.zip");
    std::fs::write(&path, &bytes).unwrap();
    let left_out = left_out_of(&path);
    let (mut lines, more) = (left_out.lines().skip(2), left_out.lines().last().unwrap_or_default());
    assert!(lines.next().unwrap_or_default().ends_with("too many files"), "{more}");
}

#[tokio::test]
async fn a_credential_has_so_many_requests_for_files() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let (mut open, mut senders) = (futures::stream::FuturesUnordered::new(), Vec::new());
    for number in 0..40 {
        let (sender, body) = tokio::sync::mpsc::channel::<Result<bytes::Bytes, std::io::Error>>(1);
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(body));
        let path = content(id, &format!("/home/desk/{number}"));
        open.push(platform.raw(Method::PUT, &path).body(body).send());
        senders.push(sender);
    }
    // Those that are under way wait for what is sent; the others have their answers.
    for _ in 32..40 {
        let refused = timeout(PATIENCE, open.next()).await.expect("in time").unwrap().unwrap();
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "too_many_at_once");
    }
    drop(senders);
    while let Some(saved) = open.next().await {
        assert_eq!(saved.unwrap().status(), 200);
    }
    platform.client.list_files(id, "/home/desk").await.expect("what is done makes room");
}

/// Conditions of RFC 9110, of a file that is read whole and of one that is not.
#[tokio::test]
async fn a_download_goes_on_only_with_the_same_file() {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    for path in [FILE, LARGE] {
        let get = |name: &'static str, value: &str| {
            let request = platform.raw(Method::GET, &content(id, path)).header("range", "bytes=3-6");
            request.header(name, value).send()
        };
        let whole = platform.raw(Method::GET, &content(id, path)).send().await.unwrap();
        let tag = whole.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"'), "strong: {tag}");
        let before = whole.bytes().await.unwrap();

        let goes_on = get("if-range", &tag).await.unwrap();
        assert_eq!(
            (goes_on.status().as_u16(), goes_on.headers()["etag"].to_str().unwrap()),
            (206, tag.as_str())
        );
        assert_eq!(goes_on.bytes().await.unwrap(), before.slice(3..7));
        let weakly = get("if-range", &format!("W/{tag}")).await.unwrap();
        assert_eq!(weakly.status(), 200);
        let known = get("if-none-match", &format!("\"other\", W/{tag}")).await.unwrap();
        assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
        assert_eq!(known.bytes().await.unwrap(), "");
        assert_eq!(get("if-none-match", "\"other\"").await.unwrap().status(), 206);
        assert_eq!(get("if-match", &tag).await.unwrap().status(), 206);
        let other = get("if-match", "\"other\"").await.unwrap();
        assert_eq!(other.status(), 412);
        assert_eq!(other.json::<serde_json::Value>().await.unwrap()["code"], "file_changed");

        // Two changes of one byte, of the same size and within a second.
        let mut tags = vec![tag];
        for change in [b'1', b'2'] {
            let mut after = before.to_vec();
            after[5] = change;
            platform.client.save_file(id, path, &SaveCondition::Any, after.clone()).await.unwrap();
            for old in &tags {
                let restarts = get("if-range", old).await.unwrap();
                assert_eq!(restarts.status(), 200, "all of it");
                assert!(restarts.bytes().await.unwrap() == after);
                assert_eq!(get("if-match", old).await.unwrap().status(), 412);
                assert_eq!(get("if-none-match", old).await.unwrap().status(), 206);
                let save = platform.raw(Method::PUT, &content(id, path)).header("if-match", old).body("mine");
                assert_eq!(save.send().await.unwrap().status(), 412);
            }
            let now = platform.raw(Method::HEAD, &content(id, path)).send().await.unwrap();
            tags.push(now.headers()["etag"].to_str().unwrap().to_owned());
        }
        let several = format!("{}, {}", tags[0], tags[2]);
        let save = platform.raw(Method::PUT, &content(id, path)).header("if-match", several).body("mine");
        assert_eq!(save.send().await.unwrap().status(), 200, "one of them is right");
        let save = platform.raw(Method::PUT, &content(id, path)).header("if-match", "*").body("mine");
        assert_eq!(save.send().await.unwrap().status(), 200, "there is something");
    }
    let save =
        platform.raw(Method::PUT, &content(id, "/home/desk/none")).header("if-match", "*").body("mine");
    assert_eq!(save.send().await.unwrap().status(), 412);
}

#[tokio::test]
async fn the_log_ins_that_a_template_will_not_have_are_listed() {
    let platform = Platform::start().await;
    let desktop = platform.running("lamp").await.id;
    assert!(platform.client.logins(desktop).await.unwrap().is_empty());
    for name in [".npmrc", ".netrc", "notes.txt"] {
        let path = format!("/home/desk/{name}");
        platform.client.save_file(desktop, &path, &SaveCondition::Any, "secret").await.unwrap();
    }
    let found = platform.client.logins(desktop).await.unwrap();
    let told: Vec<_> = found.iter().map(|tool| (tool.id.as_str(), tool.paths.clone())).collect();
    let at = |name: &str| vec![format!("/home/desk/{name}")];
    assert_eq!(told, [("git", at(".netrc")), ("npm", at(".npmrc"))]);
    platform.client.stop_desktop(desktop).await.unwrap();
    platform.until(desktop, DesktopState::Stopped).await;
    let refused = platform.client.logins(desktop).await.unwrap_err();
    assert_eq!(refused.problem().map(|problem| problem.code), Some(Code::NotRunning));
}
