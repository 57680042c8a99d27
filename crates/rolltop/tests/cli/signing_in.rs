//! Whom a server is taken for, and what is remembered of it.

use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;

use crate::platform::{Platform, fed, stderr, stdout};

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
    assert_eq!(wrong.status.code(), Some(6));
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
    assert_eq!(code, 6);
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
