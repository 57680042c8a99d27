//! Files and folders, both ways.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::platform::Platform;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_there_and_comes_back_as_it_was() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let large: Vec<u8> = (0..20_000_000u32).map(|place| (place % 251) as u8).collect();
    person.put("project/src/main.rs", "fn main() {}\n");
    person.put("project/empty", "");
    person.put("project/with space é.txt", "text");
    person.put("project/large.bin", &large);
    let script = person.put("project/run.sh", "#!/bin/sh\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(person.path("project/nothing")).unwrap();
    symlink("/etc/passwd", person.path("project/link")).unwrap();
    let there = person.json(&["cp", "project", "research:"]).await;
    let bytes = 13 + 4 + large.len() + 10;
    assert_eq!(there, serde_json::json!({"files": 5, "bytes": bytes, "skipped": 1}));
    assert_eq!(
        person.ok(&["exec", "research", "--", "cat", "/home/desk/project/src/main.rs"]).await,
        "fn main() {}\n"
    );
    std::fs::create_dir(person.path("back")).unwrap();
    let back = person.json(&["cp", "research:project", "back"]).await;
    assert_eq!(back, serde_json::json!({"files": 5, "bytes": bytes, "skipped": 0}));
    let same = |name: &str| {
        let read = |folder: &str| std::fs::read(person.path(folder).join(name)).unwrap();
        assert!(read("project") == read("back/project"), "{name}");
    };
    for name in ["src/main.rs", "empty", "with space é.txt", "large.bin", "run.sh"] {
        same(name);
    }
    let mode = std::fs::metadata(person.path("back/project/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "what could be run still can");
    assert!(person.path("back/project/nothing").is_dir());
    // Again, over what is there.
    person.put("project/src/main.rs", "fn main() { }\n");
    person.ok(&["cp", "project", "research:"]).await;
    person.ok(&["cp", "research:project/src/main.rs", "again.rs"]).await;
    assert_eq!(std::fs::read_to_string(person.path("again.rs")).unwrap(), "fn main() { }\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn destinations_are_read_as_cp_reads_them() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    person.put("a", "a");
    person.put("b", "b");
    assert_eq!(person.ok(&["cp", "a", "b", "research:notes"]).await, "2 files, 2 B\n");
    let listed = person.ok(&["exec", "research", "--", "ls", "/home/desk/notes"]).await;
    assert_eq!(listed, "a\nb\ntoday.md\n");
    person.ok(&["cp", "a", "research:notes/other"]).await;
    person.ok(&["cp", "research:notes/other", "."]).await;
    assert_eq!(std::fs::read_to_string(person.path("other")).unwrap(), "a");
    person.ok(&["cp", "research:notes", "copied"]).await;
    assert_eq!(std::fs::read_to_string(person.path("copied/b")).unwrap(), "b");
    for (arguments, code, sentence) in [
        (vec!["cp", "a", "b", "research:nowhere"], 4, "is no folder in the desktop"),
        (vec!["cp", "research:nothing", "."], 4, "There is no /home/desk/nothing in the desktop."),
        (vec!["cp", "a", "research:/etc/x"], 3, "/etc/x: "),
        (vec!["cp", "a", "b"], 2, "write one as NAME:PATH"),
        (vec!["cp", "research:a", "research:b"], 2, "no direct way"),
        (vec!["cp", "gone", "research:"], 1, "gone: No such file"),
        (vec!["cp", "a", "elsewhere:"], 4, "There is no desktop elsewhere"),
    ] {
        let (exit, said) = person.fails(&arguments).await;
        assert!(exit == code && said.contains(sentence), "{arguments:?}: {exit}: {said}");
    }
}
