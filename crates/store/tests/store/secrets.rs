//! Layers, keys, and what destroying leaves.

use rolltop_model::{Actor, Command, Size};
use rolltop_store::testing::bytes_on_disk;
use rolltop_store::{AccessEntry, By, IdempotencyKey, Receipt};
use secrecy::{ExposeSecret, SecretString};

use crate::fixture::{after, fixture, start};

#[tokio::test]
async fn a_desktop_has_a_layer_of_its_own_and_keeps_it() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let one = fixture.create("one").await.id;
    let made = store.layer_for(one, Size::S, None, start()).await.unwrap();
    let again = store.layer_for(one, Size::S, None, start()).await.unwrap();
    assert_eq!((again.id, again.key.expose_secret()), (made.id, made.key.expose_secret()));
    let two = fixture.create("two").await.id;
    let over = store.layer_for(two, Size::S, Some(made.id), start()).await.unwrap();
    assert_ne!(over.key.expose_secret(), made.key.expose_secret());
    let disk: Vec<_> = store.disk_of(two).await.unwrap().into_iter().map(|layer| layer.id).collect();
    assert_eq!(disk, [over.id, made.id]);
    assert_eq!((store.depth_of(one).await.unwrap(), store.depth_of(two).await.unwrap()), (1, 2));
    let leased = fixture.leased(two).await;
    assert!(store.flattened(&leased, start()).await.unwrap());
    assert_eq!(store.disk_of(two).await.unwrap().len(), 1);
    assert_eq!(store.depth_of(two).await.unwrap(), 1);
    assert!(store.layer_of(one).await.unwrap().is_some(), "a layer in use is not forgotten");
}

#[tokio::test]
async fn keys_are_sealed_in_the_file_and_gone_from_it_after_destroying() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let id = fixture.create("one").await.id;
    let layer = store.layer_for(id, Size::S, None, start()).await.unwrap();
    let desktop = fixture.leased(id).await;
    let door_key = SecretString::from("-----BEGIN OPENSSH PRIVATE KEY----- very secret");
    let kept = store.keep_door_key(id, desktop.fence, &door_key, "ssh-ed25519 AAAA").await.unwrap().unwrap();
    assert_eq!(kept.door_key.expose_secret(), door_key.expose_secret());
    let second = SecretString::from("another");
    let kept = store.keep_door_key(id, desktop.fence, &second, "ssh-ed25519 BBBB").await.unwrap().unwrap();
    assert_eq!(kept.door_public_key, "ssh-ed25519 AAAA", "the first key stays");

    store.forget_deleted().await.unwrap();
    let contains = async |table: &str, needle: &[u8]| {
        let bytes = bytes_on_disk(fixture.directory.path(), table).await;
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    assert!(!contains("desktops", b"very secret").await);
    assert!(!contains("layers", layer.key.expose_secret()).await);
    assert!(contains("layers", layer.id.to_string().as_bytes()).await);

    let first = store.remove_keys(&desktop, after(5)).await.unwrap();
    assert_eq!(first, Some(after(5)));
    assert_eq!(store.remove_keys(&desktop, after(9)).await.unwrap(), first, "the first time counts");
    assert!(store.layer_of(id).await.unwrap().is_none());
    assert!(store.identity(id).await.unwrap().is_none());
    let late = store.keep_door_key(id, desktop.fence, &door_key, "ssh-ed25519 CCCC").await.unwrap();
    assert!(late.is_none(), "no key is kept for what is being destroyed");
    store.forget_deleted().await.unwrap();
    let named = contains("layers", layer.id.to_string().as_bytes()).await;
    assert!(!named, "not even the row's name is left in a free page");
}

#[tokio::test]
async fn a_forgotten_desktop_leaves_receipt_events_and_access_log() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let key = IdempotencyKey { workspace: fixture.workspace, key: "k".into(), request_hash: [0; 32] };
    let created = store.create_desktop(fixture.new_desktop("one"), Some(key), start()).await.unwrap();
    let id = created.desktop.id;
    store.layer_for(id, Size::S, None, start()).await.unwrap();
    let entry = AccessEntry { at: start(), why: "personalise".into(), who: Actor::PLATFORM };
    store.log_access(id, fixture.workspace, entry.clone()).await.unwrap();
    store.begin_step(id, fixture.workspace, 1, "fork", start()).await.unwrap();
    store.command_desktop(id, Command::Destroy, By::ROLLTOP, None, after(1)).await.unwrap();
    let desktop = fixture.leased(id).await;
    let receipt = Receipt {
        desktop: id,
        workspace: fixture.workspace,
        name: "one".into(),
        keys_removed_at: after(2),
        removed_at: after(3),
        bytes: 4096,
        removed: vec!["disk layer".into()],
    };
    assert!(store.save_receipt(&desktop, &receipt).await.unwrap());
    let repeated = Receipt { bytes: 0, removed: vec![], ..receipt.clone() };
    assert!(store.save_receipt(&desktop, &repeated).await.unwrap());
    assert!(store.forget_desktop(&desktop, after(4)).await.unwrap());

    assert!(store.desktop(id).await.unwrap().is_none());
    assert!(store.layer_ids().await.unwrap().is_empty());
    assert!(store.steps(id, 0).await.unwrap().is_empty());
    assert_eq!(store.receipt(id).await.unwrap(), Some(receipt));
    assert_eq!(store.access_log(id, 10).await.unwrap(), [entry]);
    let last = store.events_since(fixture.workspace, 0, Some(id.into()), 100).await.unwrap().pop().unwrap();
    assert_eq!(last.kind, "desktop.destroyed");
}
