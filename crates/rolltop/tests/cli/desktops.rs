//! Making, finding, changing and destroying desktops.

use rolltop_testing::{PATIENCE, eventually};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::platform::{Platform, spawned, stderr, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_ssh_takes_for_another_machine_is_refused() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    person.put("x.rolltop", "x");
    for command in [
        vec!["new", "123"],
        vec!["fork", "research", "--as", "123"],
        vec!["import", "x.rolltop", "--name", "123"],
    ] {
        let (code, said) = person.fails(&command).await;
        assert!(
            code == 1 && said.contains("A desktop's name can't be a number such as 123"),
            "{command:?}: {said}"
        );
    }
    let (code, said) = person.fails(&["new", "localhost"]).await;
    assert!(code == 1 && said.contains("A desktop can't be called localhost"), "{said}");
    person.ok(&["fork", "research", "--as", "123", "--count", "2"]).await;
    assert!(person.ok(&["ls"]).await.contains("\n123-1 "), "a stem is no name");
}

#[tokio::test(flavor = "multi_thread")]
async fn desktops_have_labels_and_a_note() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.create("plain").await;
    assert!(!person.ok(&["ls"]).await.contains("LABELS"), "no column for what no desktop has");
    person.ok(&["new", "lab", "--label", "team=research", "-l", "gpu", "--note", "ask Ann"]).await;
    let list = person.ok(&["ls"]).await;
    assert!(list.contains(" LABELS ") && list.contains(" gpu, team=research "), "{list}");
    let found = person.ok(&["ls", "-l", "team=research"]).await;
    assert!(found.contains("lab ") && !found.contains("plain "), "{found}");
    assert_eq!(person.ok(&["ls", "-q", "--label", "env"]).await, "");
    assert_eq!(person.ok(&["label", "lab"]).await, "lab: gpu, team=research\n  ask Ann\n");
    let changed = person.ok(&["label", "lab", "gpu-", "env=test", "--note", ""]).await;
    assert_eq!(changed, "lab: env=test, team=research\n");
    assert!(person.ok(&["show", "lab"]).await.contains("  labels     env=test, team=research\n"));
    let (code, said) = person.fails(&["label", "lab", "Team=1"]).await;
    assert!(code == 1 && said.contains("A label's key has 1 to 63"), "{said}");
    assert_eq!(person.ok(&["label", "lab", "team"]).await, "lab: env=test, team\n", "no value is one, too");
    let none = spawned(person.rolltop(&["ls", "-l", "nothing"])).wait_with_output().await.unwrap();
    assert_eq!((none.status.code(), stderr(&none).as_str()), (Some(0), "No desktop has all that.\n"));
    let long = format!("long={}", "x".repeat(63));
    person.ok(&["label", "lab", &long]).await;
    assert!(
        person.ok(&["ls"]).await.contains(&format!("long={}… ", "x".repeat(25))),
        "the id stays in sight"
    );
}

/// As in `rolltop events --follow | head -1`.
#[tokio::test(flavor = "multi_thread")]
async fn following_ends_with_its_reader_though_nothing_happens() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let mut following = spawned(person.rolltop(&["events", "--follow", "--after", "0"]));
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().is_some());
    drop(lines);
    let ended = timeout(PATIENCE, following.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((ended.status.code(), stderr(&ended).as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reading_what_is_said_is_no_reason_to_panic() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let mut failing = spawned(person.rolltop(&["show", "nothing"]));
    drop((failing.stdout.take(), failing.stderr.take()));
    assert_eq!(timeout(PATIENCE, failing.wait()).await.unwrap().unwrap().code(), Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_is_made_listed_stopped_started_and_destroyed() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let made = person.ok(&["new", "research", "--size", "m", "--wait"]).await;
    assert!(made.starts_with("research running (dsk_"), "{made}");
    let list = person.json(&["ls"]).await;
    let item = &list["items"][0];
    assert_eq!(
        (&item["name"], &item["state"], &item["size"]),
        (&"research".into(), &"running".into(), &"m".into())
    );
    let table = person.ok(&["ls"]).await;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("NAME      STATE    SIZE"), "{table}");
    assert!(lines[1].starts_with("research  running  m"), "{table}");
    assert!(!table.contains('\u{1b}'), "no colour where there is no terminal");
    let shown = person.ok(&["show", "research"]).await;
    assert!(shown.contains("2 vCPU, 4 GiB, 40 GiB disk") && shown.contains("step"), "{shown}");
    assert_eq!(person.ok(&["ls", "--state", "stopped", "--quiet"]).await, "");
    assert_eq!(person.ok(&["stop", "research", "--wait"]).await, "research stopped\n");
    assert_eq!(person.ok(&["start", "research", "--wait"]).await, "research running\n");
    assert_eq!(person.json(&["restart", "research", "--wait"]).await["items"][0]["state"], "running");
    let (code, said) = person.fails(&["rm", "research"]).await;
    assert!(code == 2 && said.contains("--yes"), "{said}");
    person.ok(&["stop", "research", "--wait"]).await;
    assert_eq!(person.ok(&["undo", "research", "--wait"]).await, "research running\n");
    person.ok(&["stop", "research", "--wait"]).await;
    assert_eq!(person.ok(&["undo", "research"]).await, "research is being brought back\n");
    let mut tries = 0;
    while person.ok(&["ls", "--state", "running", "--quiet"]).await.is_empty() {
        tries += 1;
        assert!(tries < 500, "it does not come back");
    }
    let saved =
        person.ok(&["templates", "save", "research", "--as", "tools", "--title", "Ours", "--wait"]).await;
    let version = saved.split(' ').next().unwrap().to_owned();
    assert!(version.starts_with("tools@") && saved.ends_with(" ready of research\n"), "{saved}");
    assert!(person.ok(&["templates", "ls"]).await.contains(&version));
    let (code, said) = person.fails(&["templates", "save", "research", "--as", "No"]).await;
    assert!(code == 1 && said.contains("A template's name has 1 to 40"), "{said}");
    assert_eq!(person.ok(&["templates", "rm", "tools"]).await, format!("{version} deleted\n"));
    let (code, said) = person.fails(&["templates", "rm", "tools"]).await;
    assert!(code == 1 && said.contains("There is no template tools of your own."), "{said}");
    let (code, said) = person.fails(&["setup", "research"]).await;
    assert!(code == 1 && said.contains("research was not set up; give --git or --script."), "{said}");
    let git = ["--git", "https://example.org/tools.git"];
    let told = person.ok(&[&["setup", "research", "--wait"][..], &git].concat()).await;
    assert!(told.starts_with("research: setup done") && told.contains("Cloning into 'tools'..."), "{told}");
    let missing = ["setup", "research", "--git", "https://example.org/missing", "--wait"];
    let (code, said) = person.fails(&missing).await;
    assert!(
        code == 1 && said.contains("could not be cloned") && said.contains("fatal: repository"),
        "{said}"
    );
    let (code, said) = person.fails(&["setup", "research", "--git", "file:///etc"]).await;
    assert!(code == 1 && said.contains("A repository's address begins with https://"), "{said}");
    assert_eq!(person.json(&["setup", "research"]).await["state"], "failed");
    let usage = person.json(&["usage", "research", "--span", "day"]).await;
    assert_eq!(usage["every_seconds"], 300);
    assert!(person.ok(&["usage", "research"]).await.starts_with("research, the latest hour"));
    let grown = person.ok(&["resize", "research", "--disk", "50"]).await;
    assert_eq!(grown, "research: size m, 50 GiB\n");
    let (code, said) = person.fails(&["resize", "research", "--disk", "49"]).await;
    assert!(code == 1 && said.contains("Its disk has 50 GiB, and disks do not shrink"), "{code} {said}");
    let larger = person.ok(&["resize", "research", "--size", "l", "--restart", "--wait"]).await;
    assert_eq!(larger, "research: size l, 80 GiB\n");
    let schedule = ["snapshots", "schedule", "research"];
    assert!(person.ok(&schedule).await.contains("no snapshots but those"));
    let told = person.ok(&[&schedule[..], &["--every", "6", "--days", "7"]].concat()).await;
    assert!(told.contains("every 6 h, the latest 4 stay, and one a day for 7 days; the next in"), "{told}");
    let (code, said) = person.fails(&[&schedule[..], &["--keep", "1000"]].concat()).await;
    assert!(code == 1 && said.contains("The latest 1 to 100 can be kept."), "{code} {said}");
    assert!(person.ok(&[&schedule[..], &["--never"]].concat()).await.contains("no snapshots but those"));
    assert_eq!(person.ok(&["rm", "research", "--yes", "--wait"]).await, "research destroyed\n");
    assert_eq!(person.ok(&["undo", "research", "--wait"]).await, "research running\n");
    let for_good = ["rm", "research", "--yes", "--for-good", "--wait"];
    assert_eq!(person.ok(&for_good).await, "research destroyed\n");
    assert_eq!(person.ok(&["snapshots", "rm", "Before deleting"]).await.lines().count(), 1);
    let empty = person.run(&["ls"]).await;
    assert!(empty.status.success() && stdout(&empty).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_ids_and_beginnings_mean_a_desktop_and_mistakes_are_explained() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let research = platform.running("research").await;
    platform.running("research-2").await;
    platform.running("build").await;
    for means in ["build", "b", "bui"] {
        assert_eq!(person.json(&["show", means]).await["name"], "build");
    }
    assert_eq!(person.json(&["show", &research.id.to_string()]).await["name"], "research");
    assert_eq!(person.json(&["show", "research"]).await["name"], "research", "a whole name comes first");
    let (code, said) = person.fails(&["show", "res"]).await;
    assert_eq!(code, 4);
    assert!(said.contains("rolltop: res may mean research") && said.contains("say more of it"), "{said}");
    let (code, said) = person.fails(&["stop", "nothing"]).await;
    assert_eq!((code, said.as_str()), (4, "rolltop: There is no desktop nothing; rolltop ls lists yours.\n"));
    let (code, said) = person.fails(&["new", "build"]).await;
    assert!(code == 5 && said.contains("There is already a desktop called build"), "{code} {said}");
    let (code, said) = person.fails(&["new", "Not_a_name"]).await;
    assert!(code == 1 && said.contains("a-z"), "{code} {said}");
    let (code, said) = person.fails(&["ls", "--state", "asleep"]).await;
    assert!(code == 2 && said.contains("There is no state asleep"), "{said}");
    assert_eq!(person.fails(&["nonsense"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_by_starting_it() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    person.ok(&["stop", "research", "--wait"]).await;
    platform.engine.faults().disk_full(true);
    let (code, said) = person.fails(&["start", "research", "--wait"]).await;
    assert!(code == 1 && said.contains("disk is full"), "{code} {said}");
    platform.engine.faults().disk_full(false);
    assert!(person.ok(&["ls", "--state", "failed"]).await.contains("research"));
    // Without anything to bring back it is the same.
    assert_eq!(person.ok(&["resume", "research", "--wait"]).await, "research running\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_page_its_console_and_what_happened_are_shown() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let desktop = platform.running("research").await;
    let page = person.ok(&["open", "research", "--print"]).await;
    assert_eq!(page, format!("{}/desktops/{}\n", platform.address, desktop.id));
    assert!(person.ok(&["logs", "research"]).await.contains("Reached target graphical.target"));
    let events = person.ok(&["events", "research", "--json"]).await;
    let last: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["desktop"], desktop.id.to_string());
    assert!(last["seq"].is_u64() && last["kind"].is_string());
    // Following shows what comes next, as it comes.
    let output = person.path("followed");
    let mut follow = person.rolltop(&["events", "--follow", "--json"]);
    follow.stdout(std::fs::File::create(&output).unwrap());
    let mut follow = follow.spawn().unwrap();
    eventually("a change is shown", async || {
        // Again and again, since it is not told when it has begun to listen.
        let _ = platform.client.restart_desktop(desktop.id).await;
        std::fs::read_to_string(&output).unwrap().contains("desktop.changed")
    })
    .await;
    follow.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn help_completions_and_the_manual_come_without_a_server() {
    let platform = Platform::start().await;
    let person = platform.stranger();
    let help = person.ok(&["--help"]).await;
    for word in ["login", "exec", "cp", "ssh-config", "Exit codes", "Examples:"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(person.ok(&["exec", "--help"]).await.contains("127"));
    assert!(person.ok(&["completions", "bash"]).await.contains("_rolltop"));
    assert!(person.ok(&["completions", "fish"]).await.contains("complete -c rolltop"));
    person.ok(&["man", "pages"]).await;
    let page = std::fs::read_to_string(person.path("pages/rolltop-exec.1")).unwrap();
    assert!(page.contains("rolltop exec"), "{page}");
    assert!(person.ok(&["man"]).await.contains(".TH rolltop"));
}
