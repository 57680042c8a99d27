//! Ports of a desktop: what listens, its preview, and the links that share it.

use axum::Form;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{Code, CreateShare, Desktop, PortEntry, Share, ShareCreated};
use rolltop_model::{DesktopId, ShareId};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::control::{Ask, Tone, button, copyable, lifetimes};
use crate::components::dialog::{Dialog, closer, opener};
use crate::components::{Icon, icon, time};
use crate::failure::{Failure, sentence};
use crate::language::Language;

/// The way in, which is no web server.
const SSH: u16 = 22;
/// How long a share link may last: what it is called, and seconds.
const LIFETIMES: [(&str, u64); 3] =
    [("share-hour", 3600), ("share-day", 24 * 3600), ("share-week", 7 * 24 * 3600)];

/// In the panel: filled once it is looked at.
pub(crate) fn place(language: Language, id: DesktopId) -> Markup {
    html! {
        div #ports hx-morph-skip hx-get={ "/desktops/" (id) "/ports" } hx-trigger="intersect once" hx-swap="innerHTML" {
            p.panel-empty { (language.say("ports-looking")) }
        }
    }
}

/// Our own origin as this browser knows it, if previews can be at names before it.
pub(crate) fn base(person: &SignedIn) -> Option<&str> {
    let base = person.origin.as_deref()?.strip_prefix("https://")?;
    let name = base.rsplit_once(':').map_or(base, |(name, _)| name);
    // No name comes before an address.
    let is_address = name.starts_with('[') || name.parse::<std::net::IpAddr>().is_ok();
    (!is_address).then_some(base)
}

/// Where a port of a desktop is shown.
pub(crate) fn preview(base: &str, name: &str, port: &dyn std::fmt::Display) -> String {
    format!("https://{port}--{name}.{base}/")
}

pub(crate) async fn show(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let language = person.language;
    let desktop = person.client.desktop(id).await?;
    let shares = person.client.shares(id).await?;
    let listed = match person.client.ports(id).await {
        Ok(ports) => ports_list(language, &desktop, &ports, base(&person)),
        Err(error) if matches!(error.code(), Some(Code::NotRunning | Code::DesktopUnreachable)) => {
            html! { p.quiet { (sentence(language, &error)) } }
        }
        Err(error) => return Err(error.into()),
    };
    Ok(html! {
        div #ports-now data-live={ "ports " (id) } hx-get={ "/desktops/" (id) "/ports" } hx-trigger="refresh" hx-swap="outerMorph" hx-target="this" {
            section.panel-section {
                div.ports-head {
                    h2 { (language.say("ports-listening")) }
                    button.btn type="button" data-variant="ghost" data-size="icon-sm" aria-label=(language.say("ports-again")) title=(language.say("ports-again"))
                        hx-get={ "/desktops/" (id) "/ports" } hx-target="#ports-now" hx-swap="outerHTML" { (icon(Icon::Refresh)) }
                }
                (listed)
            }
            (share_list(language, id, &shares))
            section.panel-section {
                h2 { (language.say("ports-own")) }
                p { (language.say("ports-own-text")) }
                (copyable(language, "ports-forward", &language.say("ports-forward"), &format!("rolltop forward {} 3000:3000", desktop.name)))
            }
        }
    })
}

fn ports_list(language: Language, desktop: &Desktop, ports: &[PortEntry], base: Option<&str>) -> Markup {
    let shown: Vec<_> = ports.iter().filter(|port| port.port != SSH).collect();
    html! {
        @if shown.is_empty() {
            p { (language.say("ports-none")) }
        } @else {
            ul.ports {
                @for entry in shown {
                    @let address = base.map(|base| preview(base, &desktop.name, &entry.port));
                    @let element = format!("port-{}", entry.port);
                    li {
                        span.port-number { (entry.port) }
                        bdi.quiet { (entry.program.as_deref().unwrap_or_default()) }
                        div.port-actions {
                            @if let Some(address) = &address {
                                a.btn href=(address) target="_blank" rel="noopener noreferrer" data-variant="outline" data-size="sm"
                                    aria-label=(language.say_with("port-open-name", &[("port", &entry.port.to_string())])) { (language.say("port-open")) }
                                span hidden id=(element) { (address) }
                                button.btn type="button" data-variant="ghost" data-size="icon-sm" data-copy=(element) data-copied=(language.say("copied"))
                                    aria-label=(language.say_with("port-copy", &[("port", &entry.port.to_string())])) title=(language.say("port-copy-title")) { (icon(Icon::Copy)) }
                                (opener(Tone::Ghost, true, None, &language.say("port-share"), format!("/desktops/{}/ports/{}/share", desktop.id, entry.port)))
                            }
                        }
                    }
                }
            }
        }
        @if base.is_none() { p.quiet { (language.say("ports-no-names")) } }
    }
}

fn share_list(language: Language, id: DesktopId, shares: &[Share]) -> Markup {
    html! {
        section.panel-section {
            h2 { (language.say("shares")) }
            @if shares.is_empty() { p.quiet { (language.say("shares-none")) } } @else {
                ul.ports {
                    @for share in shares {
                        li {
                            span.port-number { (share.port) }
                            span.quiet {
                                (language.say("share-until")) " " (time::until(share.expires_at))
                                " · " bdi { (share.made_by) }
                            }
                            div.port-actions {
                                (button(Tone::Ghost, true, None, &language.say("share-revoke"), &Ask::Do(format!("/desktops/{id}/shares/{}/revoke", share.id))))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn ask(
    person: SignedIn,
    Named((id, port)): Named<(DesktopId, u16)>,
) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    let language = person.language;
    let title = language.say_with("share-title", &[("port", &port.to_string()), ("name", &desktop.name)]);
    let body = html! {
        p { (language.say("share-text")) }
        (lifetimes(language, "share-lasts", &LIFETIMES))
    };
    let action = format!("/desktops/{id}/ports/{port}/share");
    Ok(Dialog::new(language, "share", title, action, "share-make").show(&body))
}

#[derive(Deserialize)]
pub(crate) struct Input {
    lasts: u64,
}

pub(crate) async fn share(
    person: SignedIn,
    Named((id, port)): Named<(DesktopId, u16)>,
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    let base = base(&person).ok_or(Failure::NotFound)?;
    let wanted = CreateShare { port, lasts_seconds: answer.lasts };
    let made = person.client.share_port(id, &wanted).await?;
    // Not `rolltop:done`, which closes the dialog that shows it.
    Ok(made_link(person.language, id, base, &made).into_response())
}

/// In the form's place: the link, which is shown this once.
fn made_link(language: Language, id: DesktopId, base: &str, made: &ShareCreated) -> Markup {
    let link = format!("https://{}.{base}{}", made.address, made.path.expose_secret());
    html! {
        div #share {
            header {
                h2 #share-title { (language.say("share-made")) }
                (closer(language))
            }
            div.dialog-body {
                (copyable(language, "share-link", &language.say("share-link"), &link))
                p.quiet { (language.say("share-once")) " " (language.say("share-until")) " " (time::until(made.share.expires_at)) "." }
            }
            footer { button.btn type="button" data-variant="primary" data-close { (language.say("close")) } }
            span hidden hx-get={ "/desktops/" (id) "/ports" } hx-trigger="load" hx-target="#ports-now" hx-swap="outerHTML" {}
        }
    }
}

pub(crate) async fn revoke(
    person: SignedIn,
    Named(share): Named<(DesktopId, ShareId)>,
) -> Result<Response, Failure> {
    person.client.revoke_share(share).await?;
    Ok(person.done("share-revoked", ""))
}
