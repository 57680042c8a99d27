//! Whom a server is taken for, and what is remembered of it.

use std::os::unix::fs::PermissionsExt;

use rolltop_api_types::DecideDeviceLogin;
use rolltop_testing::PATIENCE;
use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::time::timeout;

use crate::platform::{Person, Platform, fed, spawned, stderr, stdout};

fn host_file(address: &str) -> String {
    format!(".config/rolltop/servers/{}.toml", address.trim_start_matches("https://").replace(':', "_"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_standard_input_is_kept_where_only_its_owner_reads_it() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let file = person.path(&host_file(&platform.address));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(&person.path(".config/rolltop/config.toml")), 0o600);
    let status = person.json(&["status"]).await;
    assert_eq!(status["address"], platform.address.as_str());
    assert_eq!(status["credential"]["kind"], "api_key");
    let servers = person.json(&["config", "ls"]).await;
    assert_eq!(servers["items"][0]["fingerprint"], platform.fingerprint.as_str());
    assert!(!servers.to_string().contains(platform.key.expose_secret()), "no listing shows the key");
    // One that others may read is not used.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = person.fails(&["status"]).await;
    assert!(code == 1 && said.contains("Others may read"), "{said}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    person.ok(&["logout"]).await;
    assert!(!std::fs::read_to_string(&file).unwrap().contains(platform.key.expose_secret()));
    let (code, said) = person.fails(&["status"]).await;
    assert!(code == 3 && said.contains("rolltop login"), "{code}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_is_trusted_silently() {
    let platform = Platform::start().await;
    let person = platform.stranger();
    let key = platform.key.expose_secret().as_bytes();
    let login =
        |more: &[&str]| person.rolltop(&[&["login", platform.address.as_str(), "--api-key"], more].concat());
    let asked = fed(login(&[]), key).await;
    assert_eq!(asked.status.code(), Some(3));
    assert!(stderr(&asked).contains(&platform.fingerprint), "{}", stderr(&asked));
    let wrong = fed(login(&["--fingerprint", &"AB".repeat(32)]), key).await;
    assert_eq!(wrong.status.code(), Some(3));
    assert!(stderr(&wrong).contains("shows another certificate"), "{}", stderr(&wrong));
    assert!(!person.path(".config/rolltop/servers").exists(), "nothing is remembered of it");
    let ca = platform.certificate().display().to_string();
    let signed = fed(login(&["--ca-file", &ca]), key).await;
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert!(stdout(&signed).contains("Signed in to https://localhost:"), "{}", stdout(&signed));
    person.ok(&["ls"]).await;
    let bad = fed(login(&["--fingerprint", &platform.fingerprint]), b"rt_wrong").await;
    assert_eq!(bad.status.code(), Some(3), "a key that is not known");
    let none = fed(login(&["--fingerprint", &platform.fingerprint]), b"two words").await;
    assert_eq!(none.status.code(), Some(2), "what is no key");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_need_no_login() {
    let platform = Platform::start().await;
    let mut script = platform.stranger();
    let key = script.put("key", platform.key.expose_secret());
    script.environment = vec![
        ("ROLLTOP_ADDRESS".into(), platform.address.clone()),
        ("ROLLTOP_FINGERPRINT".into(), platform.fingerprint.clone()),
        ("ROLLTOP_API_KEY_FILE".into(), key.display().to_string()),
    ];
    assert_eq!(script.json(&["ls"]).await, serde_json::json!({"items": []}));
    assert!(!script.path(".config").exists(), "and leave nothing behind");
    script.environment.remove(1);
    let (code, said) = script.fails(&["ls"]).await;
    assert_eq!(code, 3);
    for command in [vec!["keys", "ls"], vec!["templates", "ls"], vec!["status"], vec!["snapshots", "ls"]] {
        let (code, said) = script.fails(&command).await;
        assert!(code == 3 && said.contains("not trusted here"), "{command:?}: {code}: {said}");
    }
    assert!(said.contains("not trusted here") && said.contains(&platform.fingerprint), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_so() {
    let platform = Platform::start().await;
    let person = platform.stranger();
    let (code, said) = person.fails(&["status"]).await;
    assert!(code == 3 && said.contains("No server is known yet"), "{said}");
    let (code, said) = person.fails(&["ls", "--address", "http://localhost"]).await;
    assert!(code == 2 && said.contains("is no address"), "{said}");
    let (code, said) = person.fails(&["login", "https://localhost:1", "--api-key"]).await;
    assert!(code == 6 && said.contains("can't be reached"), "{said}");
    let error = person.run(&["status", "--json"]).await;
    let error: serde_json::Value = serde_json::from_str(&stderr(&error)).unwrap();
    assert_eq!(error["error"]["code"], "not_signed_in");
}

/// Signs in through the browser, where the owner decides; the exit code, and what was said after that.
async fn decided(platform: &Platform, person: &Person, allow: bool) -> (Option<i32>, String) {
    let login = ["login", &platform.address, "--fingerprint", &platform.fingerprint];
    let mut login = spawned(person.rolltop(&login));
    let mut said = BufReader::new(login.stderr.take().unwrap());
    let user_code = timeout(PATIENCE, async {
        loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).await.unwrap() > 0, "it ended without a code");
            let word = line.trim();
            if word.len() == 9 && word.as_bytes().get(4) == Some(&b'-') {
                return word.to_owned();
            }
            assert!(!word.contains("rd_"), "the device's secret is never shown");
        }
    });
    let user_code = user_code.await.unwrap();
    platform.owner.decide_device_login(&DecideDeviceLogin { user_code, allow }).await.unwrap();
    let status = timeout(PATIENCE, login.wait()).await.unwrap().unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).await.unwrap();
    (status.code(), rest)
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_signed_in_in_a_browser_lets_a_terminal_in() {
    let platform = Platform::start().await;
    let person = platform.stranger();
    let (code, said) = decided(&platform, &person, false).await;
    assert!(code == Some(3) && !said.is_empty(), "{code:?}: {said}");
    let (code, said) = decided(&platform, &person, true).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(person.json(&["status"]).await["credential"]["kind"], "api_key");
    assert_eq!(person.json(&["ls"]).await, serde_json::json!({"items": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_for_programs_are_made_and_revoked() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let create = ["api-keys", "create", "nightly", "--scope", "desktops:read", "--days", "90"];
    let secret = person.ok(&create).await;
    assert!(secret.starts_with("rt_") && secret.lines().count() == 1, "standard output is the secret alone");
    let mut script = platform.stranger();
    let key = script.put("key", &secret);
    script.environment = vec![
        ("ROLLTOP_ADDRESS".into(), platform.address.clone()),
        ("ROLLTOP_FINGERPRINT".into(), platform.fingerprint.clone()),
        ("ROLLTOP_API_KEY_FILE".into(), key.display().to_string()),
    ];
    script.ok(&["ls"]).await;
    let (code, said) = script.fails(&["new", "mine"]).await;
    assert!(code == 3 && said.contains("desktops:write"), "{code}: {said}");
    let listed = person.ok(&["api-keys", "ls"]).await;
    assert!(listed.contains("nightly") && !listed.contains(secret.trim()), "{listed}");
    assert_eq!(person.fails(&["api-keys", "revoke", "night"]).await.0, 4, "a key is named whole");
    person.ok(&["api-keys", "revoke", "nightly"]).await;
    let (code, _) = script.fails(&["ls"]).await;
    assert_eq!(code, 3, "it opens nothing any more");
    let (code, said) = person.fails(&["api-keys", "create", "odd", "--scope", "everything"]).await;
    assert!(code == 2 && said.contains("There is no scope everything"), "{said}");
}
