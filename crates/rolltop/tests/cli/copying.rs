//! Files and folders, both ways.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rolltop_api_types::UpdateFile;
use tokio::process::Command;

use crate::platform::{Platform, finished, stderr, stdout};

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
    assert_eq!(there, serde_json::json!({"files": 5, "bytes": bytes, "skipped": 1, "failed": 0}));
    assert_eq!(
        person.ok(&["exec", "research", "--", "cat", "/home/desk/project/src/main.rs"]).await,
        "fn main() {}\n"
    );
    std::fs::create_dir(person.path("back")).unwrap();
    let back = person.json(&["cp", "research:project", "back"]).await;
    assert_eq!(back, serde_json::json!({"files": 5, "bytes": bytes, "skipped": 0, "failed": 0}));
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

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The same command without root's right to read what nobody may.
fn heeding_permissions(command: Command) -> Command {
    if !rustix::process::geteuid().is_root() {
        return command;
    }
    let given = command.as_std();
    let mut heeding = Command::new("setpriv");
    heeding.args(["--bounding-set", "-dac_override,-dac_read_search", "--"]);
    heeding.arg(given.get_program()).args(given.get_args()).env_clear();
    heeding.envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
    heeding.current_dir(given.get_current_dir().unwrap());
    heeding
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_or_named_is_left_out_and_the_rest_goes() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    person.put("project/a", "a");
    person.put("project/z/last", "last");
    person.put("project/secret", "no");
    person.put("project/closed/inside", "no");
    std::fs::write(person.path("project").join(OsStr::from_bytes(b"caf\xe9")), "no").unwrap();
    set_mode(&person.path("project/secret"), 0);
    set_mode(&person.path("project/closed"), 0);
    let copied = finished(heeding_permissions(person.rolltop(&["cp", "project", "research:"]))).await;
    set_mode(&person.path("project/closed"), 0o755);
    let said = stderr(&copied);
    assert_eq!((copied.status.code(), stdout(&copied).as_str()), (Some(1), "2 files, 5 B\n"), "{said}");
    let project = person.path("project").canonicalize().unwrap();
    let project = project.display();
    for line in [
        format!("rolltop: left out {project}/caf\u{fffd}: its name is not UTF-8\n"),
        format!("rolltop: left out {project}/closed: Permission denied (os error 13)\n"),
        format!("rolltop: left out {project}/secret: Permission denied (os error 13)\n"),
        "rolltop: 3 files or folders could not be copied.\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}: {said}");
    }
    assert_eq!(person.ok(&["exec", "research", "--", "cat", "/home/desk/project/z/last"]).await, "last");
    let alone = finished(heeding_permissions(person.rolltop(&["cp", "project/secret", "research:"]))).await;
    assert_eq!(alone.status.code(), Some(1));
    assert!(stderr(&alone).contains("/secret: Permission denied"), "{}", stderr(&alone));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_desktop_does_not_give_is_left_out_and_the_rest_comes() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let id = platform.running("research").await.id;
    person.put("project/a", "a");
    person.put("project/z/last", "last");
    person.put("project/closed/inside", "no");
    for number in 0..25 {
        person.put(&format!("project/secret-{number}"), "no");
    }
    person.ok(&["cp", "project", "research:"]).await;
    let closed = UpdateFile { mode: "0000".into() };
    for number in 0..25 {
        let path = format!("/home/desk/project/secret-{number}");
        platform.client.update_file(id, &path, &closed).await.unwrap();
    }
    platform.client.update_file(id, "/home/desk/project/closed", &closed).await.unwrap();
    let copied = person.run(&["cp", "--json", "research:project", "back"]).await;
    let said = stderr(&copied);
    assert_eq!(copied.status.code(), Some(1), "{said}");
    let told: serde_json::Value = serde_json::from_slice(&copied.stdout).unwrap();
    assert_eq!(told, serde_json::json!({"files": 2, "bytes": 5, "skipped": 0, "failed": 26}));
    assert_eq!(std::fs::read_to_string(person.path("back/z/last")).unwrap(), "last");
    assert!(said.contains("rolltop: left out /home/desk/project/closed: "), "{said}");
    assert!(said.contains("rolltop: left out 6 more\n"), "bounded: {said}");
    assert!(said.contains(r#""code":"incomplete""#), "{said}");
    let (code, said) = person.fails(&["cp", "research:project/secret-0", "."]).await;
    assert!(code == 3 && said.contains("secret-0: "), "its own failure: {code}: {said}");
}
