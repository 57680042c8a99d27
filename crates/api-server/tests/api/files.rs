//! What comes out of a desktop: files, pictures, the console.

use insta::assert_snapshot;
use reqwest::Method;
use rolltop_api_types::Code;
use rolltop_model::DesktopId;

use crate::platform::{Platform, told};

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
