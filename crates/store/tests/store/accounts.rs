//! People, sessions, links and keys.

use rolltop_model::{Actor, ActorId, DesktopId, WorkspaceId};
use rolltop_store::{AddApiKeyError, AddSshKeyError, NewApiKey, NewShare, NewSshKey, Revoked};
use rolltop_vault::{TokenHash, TokenKind, hash_token, new_token};

use crate::fixture::{Fixture, after, fixture, start};

#[tokio::test]
async fn links_work_once_and_not_when_too_old() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let user = store.first_user(fixture.workspace, start()).await.unwrap();
    assert_eq!(store.first_user(fixture.workspace, start()).await.unwrap(), user);
    let (good, old) =
        (hash_token(&new_token(TokenKind::SignInLink)), hash_token(&new_token(TokenKind::SignInLink)));
    store.insert_sign_in_link(user.id, good, after(60)).await.unwrap();
    store.insert_sign_in_link(user.id, old, after(60)).await.unwrap();
    assert_eq!(store.use_sign_in_link(good, after(59)).await.unwrap(), Some(user.id));
    assert_eq!(store.use_sign_in_link(good, after(59)).await.unwrap(), None);
    assert_eq!(store.use_sign_in_link(old, after(60)).await.unwrap(), None);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let user = store.first_user(fixture.workspace, start()).await.unwrap();
    let (one, two) = (hash_token(&new_token(TokenKind::Session)), hash_token(&new_token(TokenKind::Session)));
    let mine = store.insert_session(user.id, one, true, start()).await.unwrap();
    store.insert_session(user.id, two, false, start()).await.unwrap();
    assert!(store.session(one).await.unwrap().unwrap().by_link);
    let link = hash_token(&new_token(TokenKind::SignInLink));
    store.insert_sign_in_link(user.id, link, after(60)).await.unwrap();
    assert!(!store.anybody_has_password().await.unwrap());
    store.set_password(user.id, "ann", "$argon2id$…", mine).await.unwrap();
    assert!(store.anybody_has_password().await.unwrap());
    assert_eq!(store.use_sign_in_link(link, after(1)).await.unwrap(), None, "no way round it");
    assert!(!store.session(one).await.unwrap().unwrap().by_link, "a link is good for one choice");
    assert!(store.session(two).await.unwrap().is_none());
    assert_eq!(store.session(one).await.unwrap().unwrap().user.name.as_deref(), Some("ann"));
    assert_eq!(store.user_by_name("ann").await.unwrap().unwrap().id, user.id);
    store.delete_old_sessions(start(), start()).await.unwrap();
    assert!(store.session(one).await.unwrap().is_some());
    store.delete_old_sessions(after(1), start()).await.unwrap();
    assert!(store.session(one).await.unwrap().is_none(), "unused for too long");
    store.insert_session(user.id, two, false, start()).await.unwrap();
    store.delete_old_sessions(start(), after(1)).await.unwrap();
    assert!(store.session(two).await.unwrap().is_none(), "begun too long ago");
}

#[tokio::test]
async fn an_api_key_is_found_by_its_hash() {
    let fixture = fixture().await;
    let token = hash_token(&new_token(TokenKind::ApiKey));
    let desktop = DesktopId::generate();
    let key = NewApiKey {
        expires_at: Some(after(60)),
        scopes: vec!["desktops:read".into(), "account".into()],
        desktop: Some(desktop),
        ..new_key(&fixture, token)
    };
    let id = fixture.store.insert_api_key(key, start()).await.unwrap().id;
    fixture.store.touch_api_key(id, Some("192.0.2.7"), after(5)).await.unwrap();
    fixture.store.touch_api_key(id, None, after(6)).await.unwrap();
    let found = fixture.store.api_key(token).await.unwrap().unwrap();
    assert_eq!((found.id, found.desktop, found.used_at), (id, Some(desktop), Some(after(6).into())));
    assert_eq!(found.used_from.as_deref(), Some("192.0.2.7"), "an unknown address is none");
    assert_eq!((found.created_at, found.expires_at), (start().into(), Some(after(60).into())));
    assert_eq!(*found.scopes, ["desktops:read", "account"]);
    let other = hash_token(&new_token(TokenKind::ApiKey));
    assert!(fixture.store.api_key(other).await.unwrap().is_none());
}

fn new_key(fixture: &Fixture, token: TokenHash) -> NewApiKey {
    NewApiKey {
        workspace: fixture.workspace,
        name: "ci".into(),
        token,
        scopes: vec!["desktops:read".into()],
        desktop: None,
        expires_at: None,
        maker: None,
        limit: 2,
    }
}

#[tokio::test]
async fn api_keys_are_limited_and_only_their_workspace_removes_them() {
    let fixture = fixture().await;
    let (store, workspace) = (&fixture.store, fixture.workspace);
    let token = || hash_token(&new_token(TokenKind::ApiKey));
    let desktop = DesktopId::generate();
    let bound = NewApiKey { desktop: Some(desktop), ..new_key(&fixture, token()) };
    let bound = store.insert_api_key(bound, start()).await.unwrap();
    let free = store.insert_api_key(new_key(&fixture, token()), start()).await.unwrap();
    let third = store.insert_api_key(new_key(&fixture, token()), start()).await;
    assert!(matches!(third, Err(AddApiKeyError::LimitReached)));
    assert_eq!(store.api_keys(workspace, None).await.unwrap(), [bound.clone(), free.clone()]);
    assert_eq!(store.api_keys(workspace, Some(desktop)).await.unwrap(), std::slice::from_ref(&bound));
    assert!(store.api_keys(WorkspaceId::generate(), None).await.unwrap().is_empty());

    assert_eq!(store.revoke_api_key(WorkspaceId::generate(), None, free.id, start()).await.unwrap(), None);
    assert_eq!(store.revoke_api_key(workspace, Some(desktop), free.id, start()).await.unwrap(), None);
    let alone = Some(Revoked::default());
    assert_eq!(store.revoke_api_key(workspace, None, free.id, start()).await.unwrap(), alone);
    assert_eq!(store.revoke_api_key(workspace, Some(desktop), bound.id, start()).await.unwrap(), alone);
}

#[tokio::test]
async fn with_a_key_goes_all_that_it_made_and_what_that_made() {
    let fixture = fixture().await;
    let (store, workspace) = (&fixture.store, fixture.workspace);
    let desktop = fixture.create("first").await.id;
    let key = async |maker| {
        let token = hash_token(&new_token(TokenKind::ApiKey));
        let new = NewApiKey { maker, limit: 10, ..new_key(&fixture, token) };
        store.insert_api_key(new, start()).await.unwrap().id
    };
    let first = key(None).await;
    let second = key(Some(first)).await;
    let third = key(Some(second)).await;
    let other = key(None).await;
    for (maker, fingerprint) in [(Some(third), "SHA256:a"), (Some(other), "SHA256:b"), (None, "SHA256:c")] {
        let new = NewSshKey {
            workspace,
            user: None,
            name: "laptop".into(),
            kind: "ssh-ed25519".into(),
            public_key: "ssh-ed25519 AAAA".into(),
            fingerprint: fingerprint.into(),
            maker,
            expires_at: maker.map(|_| after(60)),
            limit: 10,
        };
        store.insert_ssh_key(new, start()).await.unwrap();
        let share = NewShare {
            label: "3000--first".into(),
            workspace,
            desktop,
            port: 3000,
            token: hash_token(&new_token(TokenKind::Share)),
            made_by: Actor::new(ActorId::Unknown, "ann"),
            expires_at: after(60),
            maker,
            limit: 10,
        };
        store.insert_share(share, start()).await.unwrap().unwrap();
    }
    let revoked = store.revoke_api_key(workspace, None, first, start()).await.unwrap();
    assert_eq!(revoked, Some(Revoked { api_keys: 2, ssh_keys: 1, shares: 1 }));
    let left: Vec<_> = store.api_keys(workspace, None).await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(left, [other]);
    assert!(store.ssh_keys_with("SHA256:a", start()).await.unwrap().is_empty());
    assert_eq!(store.shares(desktop, start()).await.unwrap().len(), 2);

    // One that ends by itself lets nobody in from that moment on, and is then removed.
    assert_eq!(store.ssh_keys_with("SHA256:b", after(59)).await.unwrap().len(), 1);
    assert!(store.ssh_keys_with("SHA256:b", after(60)).await.unwrap().is_empty());
    assert_eq!(store.delete_expired_ssh_keys(after(59)).await.unwrap(), (Some(after(60)), false));
    assert_eq!(store.delete_expired_ssh_keys(after(60)).await.unwrap(), (None, true));
    assert_eq!(store.ssh_keys(workspace).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_ssh_key_is_there_once_and_only_its_workspace_removes_it() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let new = |fingerprint: &str| NewSshKey {
        workspace: fixture.workspace,
        user: None,
        name: "laptop".into(),
        kind: "ssh-ed25519".into(),
        public_key: "ssh-ed25519 AAAA".into(),
        fingerprint: fingerprint.into(),
        maker: None,
        expires_at: None,
        limit: 2,
    };
    let key = store.insert_ssh_key(new("SHA256:a"), start()).await.unwrap();
    let again = store.insert_ssh_key(new("SHA256:a"), start()).await;
    assert!(matches!(again, Err(AddSshKeyError::Exists(name)) if name == "laptop"));
    store.insert_ssh_key(new("SHA256:b"), start()).await.unwrap();
    let third = store.insert_ssh_key(new("SHA256:c"), start()).await;
    assert!(matches!(third, Err(AddSshKeyError::LimitReached)));

    store.touch_ssh_key(key.id, after(5)).await.unwrap();
    let found = store.ssh_keys_with("SHA256:a", after(5)).await.unwrap();
    assert_eq!((found.len(), found[0].id, found[0].used_at), (1, key.id, Some(after(5).into())));
    assert_eq!(store.ssh_keys(fixture.workspace).await.unwrap().len(), 2);
    assert!(!store.delete_ssh_key(WorkspaceId::generate(), key.id, after(6)).await.unwrap());
    assert!(store.has_ssh_key(key.id).await.unwrap());
    assert!(store.delete_ssh_key(fixture.workspace, key.id, after(6)).await.unwrap());
    assert!(!store.has_ssh_key(key.id).await.unwrap());
}

#[tokio::test]
async fn which_keys_a_desktop_has_is_remembered() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let id = fixture.create("one").await.id;
    assert_eq!(
        store.desktops_authorized(fixture.workspace, "abc").await.unwrap(),
        (0, 0, false),
        "it does not run"
    );
    assert_eq!(store.desktops_not_running(fixture.workspace).await.unwrap(), 1);
    assert_eq!(store.authorized_digest(id).await.unwrap(), None);
    store.set_authorized_digest(id, "abc").await.unwrap();
    assert_eq!(store.authorized_digest(id).await.unwrap().as_deref(), Some("abc"));
    assert_eq!(store.desktop_named(fixture.workspace, "one").await.unwrap().unwrap().id, id);
    assert!(store.desktop_named(WorkspaceId::generate(), "one").await.unwrap().is_none());
}

#[tokio::test]
async fn a_share_link_is_found_by_its_hash_until_it_expires_or_its_desktop_goes() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let desktop = fixture.create("first").await.id;
    let token = hash_token(&new_token(TokenKind::Share));
    let new = |token, lasts| NewShare {
        label: "3000--first".into(),
        workspace: fixture.workspace,
        desktop,
        port: 3000,
        token,
        made_by: Actor::new(ActorId::Unknown, "ann"),
        expires_at: after(lasts),
        maker: None,
        limit: 2,
    };
    let made = store.insert_share(new(token, 60), start()).await.unwrap().unwrap();
    let other = hash_token(&new_token(TokenKind::Share));
    store.insert_share(new(other, 30), start()).await.unwrap().unwrap();
    let more = || new(hash_token(&new_token(TokenKind::Share)), 60);
    assert!(store.insert_share(more(), start()).await.unwrap().is_none(), "no more than two");
    assert!(store.insert_share(more(), after(30)).await.unwrap().is_some(), "one has expired");
    store.touch_share(made.id, after(5)).await.unwrap();
    assert_eq!(store.share_with(token).await.unwrap().unwrap().used_at, Some(after(5).into()));
    assert_eq!(store.shares(desktop, after(30)).await.unwrap().len(), 2);
    store.delete_expired_shares(after(60)).await.unwrap();
    assert!(store.share(made.id).await.unwrap().is_none());
    assert!(!store.delete_share(desktop, made.id).await.unwrap());
}
