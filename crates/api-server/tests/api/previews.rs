//! Tickets, passes and share links: what opens a preview, and what does not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use rolltop_api_types::{
    Client, Code, CreateDesktop, CreateShare, DesktopState, OpenPreview, PreviewKey, PreviewPass,
    RequestTicket, ShareCreated, UpdateDesktop,
};
use rolltop_model::{Actor, ActorId, DesktopId};
use rolltop_store::NewShare;
use rolltop_testing::{PATIENCE, Platform};
use rolltop_vault::{TokenKind, hash_token, new_token};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const HERE: &str = "3000--research";

async fn ticket(session: &Client, address: &str) -> SecretString {
    session.preview_ticket(&RequestTicket { address: address.to_owned() }).await.unwrap().ticket
}

fn opening(address: &str, key: PreviewKey) -> OpenPreview {
    OpenPreview { address: address.to_owned(), key }
}

/// What a share link has in its address.
fn secret(made: &ShareCreated) -> SecretString {
    made.path.expose_secret().strip_prefix("/.rolltop/share/").unwrap().into()
}

async fn pass(platform: &Platform, session: &Client) -> PreviewPass {
    let key = PreviewKey::Ticket(ticket(session, HERE).await);
    platform.nobody.open_preview(&opening(HERE, key)).await.unwrap()
}

/// The connection, or the status in its place.
async fn connect(
    platform: &Platform,
    pass: &SecretString,
    address: &str,
) -> Result<reqwest::Upgraded, StatusCode> {
    let request = platform
        .http()
        .get(format!("http://api/preview/connection?address={address}"))
        .header("connection", "upgrade")
        .header("upgrade", "rolltop-tunnel")
        .bearer_auth(pass.expose_secret());
    let response = request.send().await.unwrap();
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Ok(response.upgrade().await.unwrap()),
        status => Err(status),
    }
}

async fn shows_the_page(platform: &Platform, pass: &SecretString) {
    let mut connection = connect(platform, pass, HERE).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut page = Vec::new();
    timeout(PATIENCE, connection.read_to_end(&mut page)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&page).contains("From inside the desktop"));
}

/// Held open until the other side closes it, at once and not when it next looks.
async fn is_cut(mut connection: reqwest::Upgraded) {
    let end =
        timeout(Duration::from_secs(8), connection.read(&mut [0; 16])).await.expect("it is cut off in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn a_session_gets_a_pass_by_way_of_a_ticket_that_works_once() {
    let platform = Platform::start().await;
    platform.running("research").await;
    let session = platform.session().await;
    let one = ticket(&session, HERE).await;
    let open = async |address: &str, ticket: &SecretString| {
        let key = PreviewKey::Ticket(ticket.clone());
        platform.nobody.open_preview(&opening(address, key)).await
    };
    let pass = open(HERE, &one).await.unwrap();
    shows_the_page(&platform, &pass.pass).await;
    assert_eq!(open(HERE, &one).await.unwrap_err().code(), Some(Code::PreviewClosed), "a second time");
    let other = ticket(&session, HERE).await;
    assert_eq!(open("3001--research", &other).await.unwrap_err().code(), Some(Code::PreviewClosed));
    assert_eq!(open(HERE, &other).await.unwrap_err().code(), Some(Code::PreviewClosed), "used up elsewhere");
}

/// A desktop that was suspended, and a pass to a preview of it.
async fn suspended() -> (Platform, DesktopId, SecretString) {
    let platform = Platform::start().await;
    let id = platform.running("research").await.id;
    let session = platform.session().await;
    let pass = pass(&platform, &session).await.pass;
    platform.client.suspend_desktop(id).await.unwrap();
    platform.until(id, DesktopState::Suspended).await;
    (platform, id, pass)
}

#[tokio::test]
async fn what_a_page_does_by_itself_wakes_nothing() {
    let (platform, id, pass) = suspended().await;
    let by_itself = format!("{HERE}&wake=false");
    for _ in 0..3 {
        assert_eq!(connect(&platform, &pass, &by_itself).await.err(), Some(StatusCode::CONFLICT));
    }
    assert_eq!(platform.client.desktop(id).await.unwrap().state, DesktopState::Suspended);
}

#[tokio::test]
async fn a_preview_wakes_its_desktop() {
    let (platform, id, pass) = suspended().await;
    shows_the_page(&platform, &pass).await;
    assert_eq!(platform.client.desktop(id).await.unwrap().state, DesktopState::Running);
}

#[tokio::test]
async fn a_pass_opens_one_address_and_nothing_else() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let session = platform.session().await;
    let pass = pass(&platform, &session).await.pass;
    for address in ["7--research", "3001--research", "3000--other"] {
        assert_eq!(
            connect(&platform, &pass, address).await.err(),
            Some(StatusCode::UNAUTHORIZED),
            "{address}"
        );
    }
    let by_id = format!("3000--d--{}", desktop.id.to_string().replace("dsk_", ""));
    assert_eq!(connect(&platform, &pass, &by_id).await.err(), Some(StatusCode::UNAUTHORIZED));
    for path in ["/v1/me", "/v1/desktops", &format!("/v1/desktops/{}/ports/3000", desktop.id)] {
        let request = platform.http().get(format!("http://api{path}")).bearer_auth(pass.expose_secret());
        assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
    }
    let changed = pass.expose_secret().replace('A', "B");
    assert_eq!(connect(&platform, &changed.into(), HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
    // Other credentials are no passes.
    for token in [&platform.key, &ticket(&session, HERE).await] {
        assert_eq!(connect(&platform, token, HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
    }
}

#[tokio::test]
async fn a_pass_ends_with_its_session_and_with_the_desktops_name() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let (one, other) = (platform.session().await, platform.session().await);
    let (ones, others) = (pass(&platform, &one).await.pass, pass(&platform, &other).await.pass);
    let open = connect(&platform, &ones, HERE).await.unwrap();
    one.sign_out().await.unwrap();
    is_cut(open).await;
    assert_eq!(connect(&platform, &ones, HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
    shows_the_page(&platform, &others).await;
    let held = connect(&platform, &others, HERE).await.unwrap();
    let name = UpdateDesktop::rename("renamed");
    platform.client.update_desktop(desktop.id, &name).await.unwrap();
    is_cut(held).await;
    assert_eq!(connect(&platform, &others, HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn only_a_person_of_the_workspace_gets_a_ticket() {
    let platform = Platform::start().await;
    platform.running("research").await;
    let wanted = |address: &str| RequestTicket { address: address.to_owned() };
    let error = platform.client.preview_ticket(&wanted(HERE)).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotAPerson));
    let error = platform.nobody.preview_ticket(&wanted(HERE)).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Unauthenticated));
    let session = platform.session().await;
    let error = session.preview_ticket(&wanted("3000--nowhere")).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotFound));
    let error = session.preview_ticket(&wanted("0--research")).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidAddress));
}

#[tokio::test]
async fn a_share_link_opens_one_port_until_it_is_revoked() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let wanted = CreateShare { port: 3000, lasts_seconds: 3600 };
    let made = platform.client.share_port(desktop.id, &wanted).await.unwrap();
    assert_eq!(made.address, HERE);
    let secret = secret(&made);
    let open = async |address: &str| {
        let key = PreviewKey::Share(secret.clone());
        platform.nobody.open_preview(&opening(address, key)).await
    };
    let pass = open(HERE).await.unwrap();
    assert_eq!(pass.expires_at, made.share.expires_at);
    shows_the_page(&platform, &pass.pass).await;
    for address in ["7--research", "3000--other"] {
        assert_eq!(open(address).await.unwrap_err().code(), Some(Code::PreviewClosed), "{address}");
    }
    let listed = platform.client.shares(desktop.id).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].used_at.is_some() && listed[0].id == made.share.id);
    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert!(log.iter().any(|entry| entry.purpose == "ports" && entry.actor == "a share link"), "{log:?}");

    let held = connect(&platform, &pass.pass, HERE).await.unwrap();
    platform.client.revoke_share((desktop.id, made.share.id)).await.unwrap();
    is_cut(held).await;
    assert_eq!(connect(&platform, &pass.pass, HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(open(HERE).await.unwrap_err().code(), Some(Code::PreviewClosed));
    let error = platform.client.revoke_share((desktop.id, made.share.id)).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotFound));
}

#[tokio::test]
async fn a_share_link_ends_by_the_clock_and_so_does_what_it_opened() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let secret = new_token(TokenKind::Share);
    let now = Timestamp::now();
    let expires_at = now.checked_add(SignedDuration::from_secs(5)).unwrap();
    // Over the API a link lasts a minute at least.
    let new = NewShare {
        workspace: platform.client.me().await.unwrap().workspace,
        desktop: desktop.id,
        port: 3000,
        label: HERE.to_owned(),
        token: hash_token(&secret),
        made_by: Actor::new(ActorId::Unknown, "sam"),
        expires_at,
        maker: None,
        limit: 100,
    };
    platform.store().await.insert_share(new, now).await.unwrap().unwrap();
    let open = || opening(HERE, PreviewKey::Share(secret.clone()));
    let pass = platform.nobody.open_preview(&open()).await.unwrap().pass;
    let held = connect(&platform, &pass, HERE).await.unwrap();
    shows_the_page(&platform, &pass).await;
    is_cut(held).await;
    assert!(Timestamp::now() >= expires_at, "not before its time");
    assert_eq!(connect(&platform, &pass, HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
    let error = platform.nobody.open_preview(&open()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::PreviewClosed));
    assert!(platform.client.shares(desktop.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn desktops_of_two_workspaces_with_one_name_have_an_address_each() {
    let platform = Platform::start().await;
    let own = platform.running("research").await;
    let (session, before) = (platform.session().await, pass(&platform, &platform.session().await).await.pass);
    let stranger = platform.nobody.with_token(&platform.stranger().await).unwrap();
    let wanted = CreateDesktop { name: Some("research".into()), ..CreateDesktop::default() };
    let other = stranger.create_desktop(&wanted, None).await.unwrap();
    let by_id = |id: DesktopId| format!("3000--d--{}", id.to_string().replace("dsk_", ""));

    let ticket = session.preview_ticket(&RequestTicket { address: HERE.into() }).await.unwrap();
    assert_eq!(ticket.address, by_id(own.id), "the name alone no longer says which");
    let key = || PreviewKey::Ticket(ticket.ticket.clone());
    assert_eq!(
        platform.nobody.open_preview(&opening(&by_id(other.id), key())).await.unwrap_err().code(),
        Some(Code::PreviewClosed)
    );
    let wanted = RequestTicket { address: by_id(other.id) };
    assert_eq!(session.preview_ticket(&wanted).await.unwrap_err().code(), Some(Code::NotFound));

    let wanted = CreateShare { port: 3000, lasts_seconds: 3600 };
    let shared = stranger.share_port(other.id, &wanted).await.unwrap();
    assert_eq!(shared.address, by_id(other.id));
    let secret = secret(&shared);
    // Neither at the address that was the first one's alone, nor at the one it has now.
    for address in [HERE, &by_id(own.id)] {
        let key = PreviewKey::Share(secret.clone());
        let error = platform.nobody.open_preview(&opening(address, key)).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::PreviewClosed), "{address}");
    }
    // Who had the first one open at its name goes on seeing that.
    shows_the_page(&platform, &before).await;
}

#[tokio::test]
async fn a_share_link_stays_closed_when_its_desktop_has_its_name_again() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let wanted = CreateShare { port: 3000, lasts_seconds: 3600 };
    let made = platform.client.share_port(desktop.id, &wanted).await.unwrap();
    let secret = secret(&made);
    let open = || opening(HERE, PreviewKey::Share(secret.clone()));
    let pass = platform.nobody.open_preview(&open()).await.unwrap().pass;
    let rename = async |name: &str| {
        platform.client.update_desktop(desktop.id, &UpdateDesktop::rename(name)).await.unwrap();
    };
    rename("research").await;
    shows_the_page(&platform, &pass).await;
    // Meanwhile the address could have been another workspace's.
    rename("else").await;
    rename("research").await;
    assert_eq!(connect(&platform, &pass, HERE).await.err(), Some(StatusCode::UNAUTHORIZED));
    let error = platform.nobody.open_preview(&open()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::PreviewClosed));
}

#[tokio::test]
async fn a_share_link_lasts_neither_for_ever_nor_on_port_0() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    for (port, lasts_seconds, code) in [
        (3000, 59, Code::InvalidLifetime),
        (3000, 7 * 24 * 3600 + 1, Code::InvalidLifetime),
        (3000, u64::MAX, Code::InvalidLifetime),
        (0, 3600, Code::InvalidPort),
    ] {
        let wanted = CreateShare { port, lasts_seconds };
        assert_eq!(platform.client.share_port(desktop.id, &wanted).await.unwrap_err().code(), Some(code));
    }
    let nobodys = platform.raw(Method::DELETE, &format!("/v1/desktops/{}/shares/nonsense", desktop.id));
    assert_eq!(nobodys.send().await.unwrap().status(), 404);
}
