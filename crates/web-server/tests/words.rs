//! The message files: the same keys in every language, every key that code names, and no
//! sentence in code.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Keys with the placeholders that each one's text has.
fn messages(language: &str) -> Vec<(String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(source().join(format!("messages/{language}.ftl"))).unwrap();
    let mut messages: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(" =").filter(|(key, _)| !key.starts_with([' ', '*', '['])) {
            messages.push((key.to_owned(), BTreeSet::new()));
        }
        if let Some((_, places)) = messages.last_mut() {
            let found = line.match_indices('$').map(|(at, _)| {
                line[at + 1..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                    .collect::<String>()
            });
            places.extend(found);
        }
    }
    messages
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The code before its tests, without comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// String literals, without their quotes. Raw strings and escapes are rare enough here.
fn literals(code: &str) -> Vec<String> {
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_language_says_the_same_things() {
    let (english, french) = (messages("en"), messages("fr"));
    let keys = |messages: &[(String, BTreeSet<String>)]| {
        messages.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&english), keys(&french), "the same keys in the same order");
    for ((key, ours), (_, theirs)) in english.iter().zip(&french) {
        assert_eq!(ours, theirs, "the same places in {key}");
    }
    let unique: BTreeSet<_> = english.iter().map(|(key, _)| key).collect();
    assert_eq!(unique.len(), english.len(), "no key twice");
}

#[test]
fn every_key_that_code_names_is_there() {
    let known: BTreeSet<String> = messages("en").into_iter().map(|(key, _)| key).collect();
    for path in rust_files(&source()) {
        let code = code(&path);
        for call in [
            "say(\"",
            "say_with(\"",
            "count(\"",
            "say_with(\n        \"",
            "done(\"",
            "done_with_undo(\"",
            "hint: Some(\"",
        ] {
            for (at, _) in code.match_indices(call) {
                let key: String = code[at + call.len()..].chars().take_while(|c| *c != '"').collect();
                assert!(known.contains(&key), "{key} in {} is in no message file", path.display());
            }
        }
    }
}

#[test]
fn every_key_is_used() {
    let all: String = rust_files(&source()).iter().map(|path| code(path)).collect();
    // Keys made of a fixed part and a name from code or from the API.
    let made = [
        "state-",
        "action-",
        "confirm-",
        "ask-",
        "warn-",
        "done-",
        "run-",
        "step-",
        "reason-",
        "problem-",
        "purpose-",
        "stage-",
        "api-life-",
        "preset-",
        "scopes-",
        "scope-",
        "tab-",
        "mode-",
        "quality-",
        "key-",
        "size-",
        "filter-",
        "error-",
        "files-",
        "preview-",
        "history-",
        "cause-",
        "awake-",
        "day-",
        "login-",
        "not-supported-",
        "ssh-keys-",
        "api-keys-",
        "empty-",
        "ssh-empty-",
        "api-empty-",
        "snapshots-empty-",
        "device-allowed-",
        "device-denied-",
        "bar-",
    ];
    for (key, _) in messages("en") {
        let named = all.contains(&format!("\"{key}\""));
        assert!(named || made.iter().any(|prefix| key.starts_with(prefix)), "{key} is used nowhere");
    }
}

#[test]
fn no_sentence_is_written_in_code() {
    let own_name = "Rolltop";
    for directory in ["pages", "components"] {
        for path in rust_files(&source().join(directory)) {
            for literal in literals(&code(&path)) {
                let words = literal
                    .split([' ', '\u{a0}'])
                    .filter(|word| word.chars().all(char::is_alphabetic) && word.len() > 1);
                let sentence = literal.starts_with(|c: char| c.is_uppercase())
                    && literal != own_name
                    && words.count() > 0
                    && !literal.contains('+')
                    && !is_key(&literal);
                assert!(!sentence, "{literal:?} in {} belongs into the message files", path.display());
            }
        }
    }
}

/// Names of keys on a keyboard, as the screen's script knows them.
fn is_key(literal: &str) -> bool {
    ["Super", "Escape", "Esc", "Tab", "Ctrl", "Print"].contains(&literal)
}
