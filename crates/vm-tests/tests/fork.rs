//! Forks and snapshots of real desktops, as a program sees them.

use std::time::Duration;

use anyhow::ensure;
use rolltop_api_types::{
    Code, CreateDesktop, CreateSnapshot, Desktop, DesktopState, ForkDesktop, ListSnapshots, SaveTemplate,
    SavedTemplateState, SnapshotState, TemplateVersion,
};
use rolltop_model::{DesktopId, SnapshotId};
use rolltop_vm_tests::{Options, Platform, eventually};

const PATIENCE: Duration = Duration::from_secs(240);
/// Python's own library is compiled in the background, as somebody's build would be.
const BUILD: &str = "mkdir build && cp -r /usr/lib/python3.*/asyncio /usr/lib/python3.*/email build/
setsid sh -c 'python3 -m compileall -q -f build > build.log 2>&1; echo $? > done' > /dev/null 2>&1 < /dev/null &
head -c 10000000 /dev/urandom > /dev/shm/blob";
/// How far it is, and how it ended.
const BUILT: &str = "find build -name '*.pyc' | wc -l; cat done build.log";
const IDENTITY: &str = "cat /etc/machine-id /etc/hostname /etc/ssh/ssh_host_ed25519_key.pub";

async fn ready(platform: &Platform, id: SnapshotId) -> anyhow::Result<()> {
    eventually("the snapshot is ready", PATIENCE, || async {
        let snapshot = platform.client.snapshot(id).await?;
        ensure!(snapshot.state != SnapshotState::Failed, "{snapshot:?}");
        Ok((snapshot.state == SnapshotState::Ready).then_some(()))
    })
    .await
}

async fn built(platform: &Platform, id: DesktopId, name: &str) -> anyhow::Result<String> {
    eventually(&format!("the build in {name} ends"), PATIENCE, || async {
        Ok(platform.shell(id, BUILT).await.ok())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_forks_in_the_middle_of_a_build_all_finish_it() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    let parent = platform.create("mason").await?;
    platform.wait_for(parent.id, DesktopState::Running).await?;
    platform.shell(parent.id, BUILD).await?;
    let blob = platform.shell(parent.id, "md5sum < /dev/shm/blob").await?;
    ensure!(platform.shell(parent.id, "cat done").await.is_err(), "the build is under way");

    let wanted = ForkDesktop { name: None, count: Some(10) };
    let forks = platform.client.fork_desktop(parent.id, &wanted).await?;
    ensure!(forks.len() == 10 && forks[0].name == "mason-1", "{forks:?}");
    for fork in &forks {
        platform.wait_for(fork.id, DesktopState::Running).await?;
    }
    let mut identities = vec![platform.shell(parent.id, IDENTITY).await?];
    let whole = built(&platform, parent.id, "mason").await?;
    let mut lines = whole.lines();
    let files: u32 = lines.next().unwrap_or_default().parse()?;
    ensure!(files > 40 && lines.next() == Some("0") && lines.next().is_none(), "{whole}");
    for Desktop { id, name, .. } in &forks {
        ensure!(built(&platform, *id, name).await? == whole, "{name} has built something else");
        ensure!(
            platform.shell(*id, "md5sum < /dev/shm/blob").await? == blob,
            "{name} has the parent's memory"
        );
        let identity = platform.shell(*id, IDENTITY).await?;
        ensure!(identity.contains(name), "{identity}");
        identities.push(identity);
    }
    for (place, identity) in identities.iter().enumerate() {
        let lines: Vec<&str> = identity.lines().collect();
        let others = identities.iter().skip(place + 1);
        ensure!(
            others.clone().all(|other| other.lines().zip(&lines).all(|(one, two)| one != *two)),
            "no two share a name, a machine-id or a host key: {identities:?}"
        );
    }
    // What they were forked from was only for that.
    eventually("the snapshot in between is gone", PATIENCE, || async {
        Ok(platform.leftovers()?.is_empty().then_some(()))
    })
    .await?;
    for id in forks.iter().map(|fork| fork.id).chain([parent.id]) {
        platform.client.destroy_desktop(id).await?;
    }
    for id in forks.iter().map(|fork| fork.id).chain([parent.id]) {
        platform.wait_gone(id).await?;
    }
    ensure!(platform.leftovers()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_snapshot_or_fork_loses_nothing() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    let id = platform.create("origin").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, "head -c 10000000 /dev/urandom > /dev/shm/blob; echo on-disk > kept; sync").await?;
    let look = "md5sum < /dev/shm/blob; cat kept";
    let before = platform.shell(id, look).await?;
    for (role, milliseconds) in [("host", 60), ("host", 200), ("api", 60), ("host", 400)] {
        let moment = Duration::from_millis(milliseconds);
        let name = CreateSnapshot { name: Some(format!("{role}-{milliseconds}")) };
        let asked = platform.client.take_snapshot(id, &name).await?.id;
        tokio::time::sleep(moment).await; // the moment, not a wait
        platform.kill_role(role).await?;
        let settled = eventually("the snapshot is ready or has failed", PATIENCE, || async {
            let snapshot = platform.client.snapshot(asked).await?;
            Ok((snapshot.state != SnapshotState::Taking).then_some(snapshot))
        })
        .await?;
        ensure!(platform.shell(id, look).await? == before, "{role} after {moment:?}: the desktop goes on");
        if settled.state == SnapshotState::Failed {
            ensure!(settled.detail.is_some(), "{settled:?}");
        }
        // The next one is of the same desktop, whatever became of this one.
        let again = platform.client.take_snapshot(id, &CreateSnapshot::default()).await?.id;
        ready(&platform, again).await?;
        let fork = ForkDesktop { name: Some(format!("fork-{role}-{milliseconds}")), count: None };
        let fork = platform.client.fork_snapshot(again, &fork).await?.remove(0).id;
        tokio::time::sleep(moment).await;
        platform.kill_role(role).await?;
        platform.wait_for(fork, DesktopState::Running).await?;
        ensure!(platform.shell(fork, look).await? == before, "{role} after {moment:?}: the fork has it all");
        platform.client.destroy_desktop(fork).await?;
        platform.wait_gone(fork).await?;
        for snapshot in platform.client.snapshots(&ListSnapshots::default()).await? {
            platform.client.delete_snapshot(snapshot.id).await?;
        }
        eventually("nothing is left over", PATIENCE, || async {
            Ok(platform.leftovers()?.is_empty().then_some(()))
        })
        .await?;
    }
    // After all those layers its disk is what it was, from cold too.
    platform.client.restart_desktop(id).await?;
    eventually("it has booted its disk", PATIENCE, || async {
        Ok(platform.shell(id, "cat kept; test ! -e /dev/shm/blob").await.ok())
    })
    .await?;
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    ensure!(platform.leftovers()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_goes_back_to_a_snapshot_and_nothing_is_lost_by_that() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let id = platform.create("undo").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    let look = "cat /dev/shm/memory kept";
    platform.shell(id, "echo early | tee kept > /dev/shm/memory; sync").await?;
    let name = CreateSnapshot { name: Some("early".to_owned()) };
    let early = platform.client.take_snapshot(id, &name).await?.id;
    ready(&platform, early).await?;
    platform.shell(id, "echo late | tee kept > /dev/shm/memory; sync").await?;

    platform.client.restore_snapshot(early).await?;
    let is = |what: &'static str| {
        let platform = &platform;
        eventually(what, PATIENCE, move || async move {
            Ok(platform
                .shell(id, look)
                .await
                .ok()
                .filter(|text| *text == format!("{what}\n{what}\n"))
                .map(|_| ()))
        })
    };
    is("early").await?;
    let undo = platform.client.snapshots(&ListSnapshots { desktop: Some(id) }).await?.remove(0);
    ensure!(undo.name == "Before going back to early", "{undo:?}");
    platform.client.restore_snapshot(undo.id).await?;
    is("late").await?;

    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    for snapshot in platform.client.snapshots(&ListSnapshots::default()).await? {
        platform.client.delete_snapshot(snapshot.id).await?;
    }
    eventually("nothing is left over", PATIENCE, || async {
        Ok(platform.leftovers()?.is_empty().then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_or_deleted_comes_back_memory_and_all() -> anyhow::Result<()> {
    let platform = Platform::start(Options::small()?).await?;
    let id = platform.create("undo").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    platform.shell(id, "echo here | tee kept > /dev/shm/memory; sync").await?;
    let is_back = |id| {
        let platform = &platform;
        eventually("it is back", PATIENCE, move || async move {
            let text = platform.shell(id, "cat /dev/shm/memory kept").await.ok();
            Ok(text.filter(|text| text == "here\nhere\n").map(|_| ()))
        })
    };
    platform.client.stop_desktop(id).await?;
    platform.wait_for(id, DesktopState::Stopped).await?;
    platform.client.undo_desktop(id).await?;
    is_back(id).await?;

    platform.client.delete_desktop(id).await?;
    platform.wait_gone(id).await?;
    let again = platform.client.undo_desktop(id).await?;
    ensure!(again.name == "undo" && again.id != id, "{again:?}");
    is_back(again.id).await?;

    platform.client.destroy_desktop(again.id).await?;
    platform.wait_gone(again.id).await?;
    ensure!(platform.client.undo_desktop(again.id).await.is_err(), "for good is for good");
    for snapshot in platform.client.snapshots(&ListSnapshots::default()).await? {
        platform.client.delete_snapshot(snapshot.id).await?;
    }
    eventually("nothing is left over", PATIENCE, || async {
        let layers = std::fs::read_dir(platform.data().join("host/layers"))?.count();
        Ok((platform.leftovers()?.is_empty() && layers == 0).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_becomes_a_template_with_its_programs_and_without_its_secrets() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let id = platform.create("teacher").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    let prepare = "mkdir -p ~/.ssh ~/.config/chromium/Default ~/project \
        && echo SECRET-KEY-7d1f > ~/.ssh/id_ed25519 && echo SECRET-COOKIE-7d1f > ~/.config/chromium/Default/Cookies \
        && mkdir -p ~/.claude ~/.codex ~/.config/gh && echo SECRET-KEY-7d1f | tee ~/.claude/.credentials.json ~/.codex/auth.json \
            ~/.config/gh/hosts.yml > ~/.netrc && echo theme > ~/.claude/settings.json \
        && mkdir -p ~/.aws && echo team > ~/.aws/credentials && echo SECRET-HISTORY-7d1f > ~/.bash_history && echo kept > ~/project/notes && sync && cat /etc/machine-id";
    let machine_id = platform.shell(id, prepare).await?;
    let logins = platform.client.logins(id).await?;
    let tools: Vec<&str> = logins.iter().map(|tool| tool.id.as_str()).collect();
    assert_eq!(tools, ["ssh", "git", "github", "claude", "codex", "browsers", "aws"], "{logins:?}");
    let keep = vec!["aws".to_owned()];
    let wanted = SaveTemplate { name: "taught".to_owned(), keep, ..SaveTemplate::default() };
    let saved = platform.client.save_template(id, &wanted).await?;
    eventually("it is ready", PATIENCE, || async {
        let own = platform.client.saved_templates().await?;
        let state =
            own.into_iter().find(|own| own.version == saved.version).map(|own| (own.state, own.detail));
        match state {
            Some((SavedTemplateState::Ready, _)) => Ok(Some(())),
            Some((SavedTemplateState::Saving, _)) => Ok(None),
            other => anyhow::bail!("{other:?}"),
        }
    })
    .await?;
    // The desktop itself goes on with all of it.
    assert_eq!(platform.shell(id, "cat ~/.ssh/id_ed25519").await?, "SECRET-KEY-7d1f\n");
    let pupil = CreateDesktop {
        name: Some("pupil".to_owned()),
        template: Some("taught".to_owned()),
        ..CreateDesktop::default()
    };
    let pupil = platform.client.create_desktop(&pupil, None).await?.id;
    platform.wait_for(pupil, DesktopState::Running).await?;
    assert_eq!(platform.shell(pupil, "cat ~/project/notes").await?, "kept\n");
    assert_eq!(
        platform.shell(pupil, "cat ~/.claude/settings.json ~/.aws/credentials").await?,
        "theme\nteam\n"
    );
    let found = "ls ~/.netrc ~/.claude/.credentials.json ~/.codex/auth.json ~/.config/gh 2>/dev/null; ls -A ~/.ssh 2>/dev/null | grep -v '^authorized_keys$'; ls ~/.config/chromium ~/.bash_history 2>/dev/null; true";
    assert_eq!(platform.shell(pupil, found).await?, "");
    // Nor in what no file has.
    let image = platform.data().join("host/templates").join(&saved.version).join("disk.qcow2");
    let searched = std::process::Command::new("grep")
        .args(["-a", "-c", "-e", "SECRET-KEY-7d1f", "-e", "SECRET-COOKIE-7d1f", "-e", "SECRET-HISTORY-7d1f"])
        .arg(&image)
        .output()?;
    assert_eq!(String::from_utf8_lossy(&searched.stdout), "0\n", "{searched:?}");
    assert_ne!(platform.shell(pupil, "cat /etc/machine-id").await?, machine_id);
    platform.client.destroy_desktop(pupil).await?;
    platform.wait_gone(pupil).await?;
    platform.client.delete_template(TemplateVersion(saved.version.clone())).await?;
    eventually("it is removed", PATIENCE, || async {
        let all = platform.client.templates().await?;
        Ok(all.iter().all(|template| template.version != saved.version).then_some(()))
    })
    .await?;
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    assert_eq!(platform.leftovers()?, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_leaves_as_a_file_and_boots_of_it_as_somebody_else() -> anyhow::Result<()> {
    // A small disk, as all of it is packed and unpacked; a whole desktop's goes that way in `lifecycle`, full to its last block.
    let platform = Platform::start(Options::small()?).await?;
    let client = &platform.client;
    let id = platform.create("traveller").await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    let prepare = "head -c 50M /dev/urandom > luggage && sha256sum luggage && sync && cat /etc/machine-id";
    let packed = platform.shell(id, prepare).await?;
    let (sum, machine_id) = packed.split_once('\n').unwrap_or_default();
    let snapshot = client.take_snapshot(id, &CreateSnapshot { name: None }).await?.id;
    ready(&platform, snapshot).await?;
    let mut body = client.export_snapshot(snapshot).await?;
    let mut file = Vec::new();
    while let Some(bytes) = body.next().await? {
        file.extend_from_slice(&bytes);
    }
    // The luggage does not shrink; the rest is a system that does.
    ensure!((52 << 20..2 << 30).contains(&file.len()), "{} bytes", file.len());
    platform.client.destroy_desktop(id).await?;
    platform.wait_gone(id).await?;
    client.delete_snapshot(snapshot).await?;

    let chunks = |bytes: &[u8]| {
        let chunks: Vec<_> =
            bytes.chunks(1 << 20).map(|bytes| Ok(bytes::Bytes::copy_from_slice(bytes))).collect();
        futures::stream::iter(chunks)
    };
    let mut damaged = file.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let refused = client.import_snapshot(chunks(&damaged)).await.err().and_then(|error| error.code());
    assert_eq!(refused, Some(Code::InvalidExport));
    let taken = client.import_snapshot(chunks(&file)).await?;
    ensure!(taken.desktop_name == "traveller" && !taken.has_memory, "{taken:?}");
    // What it was is in no file of the host's, layers among them.
    let searched = std::process::Command::new("grep")
        .args(["-r", "-a", "-l", machine_id.trim()])
        .arg(platform.data().join("host/layers"))
        .output()?;
    assert_eq!(String::from_utf8_lossy(&searched.stdout), "", "it is encrypted");
    let made = client.fork_snapshot(taken.id, &ForkDesktop::default()).await?[0].id;
    platform.wait_for(made, DesktopState::Running).await?;
    client.delete_snapshot(taken.id).await?;
    assert_eq!(platform.shell(made, "sha256sum luggage").await?.trim_end(), sum);
    assert_ne!(platform.shell(made, "cat /etc/machine-id").await?, machine_id);
    // And it is a desktop like any other.
    let before = client.desktop(made).await?.started_at;
    client.restart_desktop(made).await?;
    eventually("it has restarted", PATIENCE, || async {
        let desktop = client.desktop(made).await?;
        let is_back = desktop.state == DesktopState::Running && desktop.started_at != before;
        Ok(is_back.then_some(()))
    })
    .await?;
    assert_eq!(platform.shell(made, "sha256sum luggage").await?.trim_end(), sum);
    client.destroy_desktop(made).await?;
    platform.wait_gone(made).await?;
    // What it was before the restart is kept yet, and needs what boots it.
    for kept in client.snapshots(&ListSnapshots::default()).await? {
        client.delete_snapshot(kept.id).await?;
    }
    eventually("nothing of it is left", PATIENCE, || async {
        let templates = std::fs::read_dir(platform.data().join("host/templates"))?;
        let names = templates.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok((!names.into_iter().any(|name| name.starts_with("imported"))).then_some(()))
    })
    .await?;
    assert_eq!(platform.leftovers()?, "");
    Ok(())
}
