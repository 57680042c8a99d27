//! For the operator: how the host is, what runs the guests, which templates there are.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use rolltop_api_types::{AcceleratorKind, Host, HostWarningKind, Limits, Template};

use crate::access::SignedIn;
use crate::app::App;
use crate::components::control::{Notice, meter, notice};
use crate::components::layout::{Section, live_page};
use crate::components::table::{Column, table};
use crate::components::{Icon, icon, time};
use crate::failure::Failure;
use crate::language::Language;
use crate::view;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/host", get(show))
}

const TEMPLATE_COLUMNS: [Column; 5] = [
    ("column-template", None),
    ("column-version", Some("secondary")),
    ("column-baked", None),
    ("column-built", Some("useful")),
    ("column-disk", Some("useful numeric")),
];

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let (host, templates) = (person.client.host().await?, person.client.templates().await?);
    let language = person.language;
    let body = html! {
        section #host hx-get="/host" hx-trigger="every 5s" hx-swap="outerMorph" hx-target="this" {
            (accelerator(language, &host))
            (warnings(language, &host))
            (tiles(language, &host, &person.me.limits))
            h2.section-title { (language.say("templates")) }
            @if templates.is_empty() {
                (notice(Notice::Warning, &html! { (language.say("no-templates")) }))
            } @else {
                (table(language, "", &TEMPLATE_COLUMNS, &html! { @for template in &templates { (template_row(language, template)) } }))
            }
        }
    };
    Ok(live_page(&person, Section::Host, "rail-host", body, |body| body))
}

fn accelerator(language: Language, host: &Host) -> Markup {
    let why = host.accelerator.why.as_deref().unwrap_or_default();
    html! {
        @match host.accelerator.kind {
            AcceleratorKind::Kvm => {}
            AcceleratorKind::Tcg => (notice(Notice::Warning, &html! {
                strong { (language.say("accelerator-tcg")) } " " (why) " " (language.say("accelerator-tcg-effect"))
            })),
            AcceleratorKind::Simulated => (notice(Notice::Warning, &html! { (language.say("accelerator-simulated")) })),
        }
    }
}

/// Each kind in one notice, however many there are.
fn warnings(language: Language, host: &Host) -> Markup {
    let of = |kind: HostWarningKind| host.warnings.iter().filter(move |warning| warning.kind == kind);
    html! {
        @for (kind, title) in [
            (HostWarningKind::MemoryUnusable, "warning-memories"),
            (HostWarningKind::ForwardingDropped, "warning-forwarding"),
        ] {
            @if of(kind).next().is_some() {
                (notice(Notice::Warning, &html! {
                    strong { (language.say(title)) }
                    ul.warnings {
                        @for warning in of(kind) {
                            li {
                                @if let Some(desktop) = warning.desktop {
                                    a href={ "/desktops/" (desktop) } { (warning.message) }
                                } @else { (warning.message) }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn tiles(language: Language, host: &Host, limits: &Limits) -> Markup {
    let used = |total: u64, available: u64| total.saturating_sub(available);
    let memory = used(host.memory_total_bytes, host.memory_available_bytes);
    let disk = used(host.disk_total_bytes, host.disk_available_bytes);
    let kind = match host.accelerator.kind {
        AcceleratorKind::Kvm => "accelerator-kvm-short",
        AcceleratorKind::Tcg => "accelerator-tcg-short",
        AcceleratorKind::Simulated => "accelerator-simulated-short",
    };
    html! {
        div.tiles {
            div.tile {
                h2 { (icon(Icon::Cpu)) (language.say("host-processors")) }
                p.figure { (format!("{:.0}", host.cpu_busy.clamp(0.0, 1.0) * 100.0)) "\u{a0}%" }
                (meter(host.cpu_busy))
                p { (language.count("host-cpus", u64::from(host.cpus))) }
            }
            (amount(language, Icon::Memory, "host-memory", memory, host.memory_total_bytes, None))
            (amount(language, Icon::Disk, "host-disk", disk, host.disk_total_bytes, workspace_disk(language, limits)))
            div.tile {
                h2 { (icon(Icon::Gauge)) (language.say("host-engine")) }
                p.figure { (language.say(kind)) }
                p { (language.say_with("host-version", &[("engine", &host.engine), ("version", &host.qemu_version)])) }
                p {
                    (language.count("host-running", u64::from(host.machines_running)))
                    " · "
                    (language.say_with("host-uptime", &[("time", &uptime(language, host.uptime_seconds))]))
                }
            }
        }
    }
}

/// What the workspace has of the disk, where it may not have all of it.
fn workspace_disk(language: Language, limits: &Limits) -> Option<String> {
    let limit = view::bytes(language, limits.disk_bytes?);
    let used = view::bytes(language, limits.disk_bytes_used);
    Some(language.say_with("workspace-disk", &[("used", &used), ("limit", &limit)]))
}

fn amount(
    language: Language,
    picture: Icon,
    key: &str,
    used: u64,
    total: u64,
    more: Option<String>,
) -> Markup {
    // Amounts of bytes are far below where a float would lose what a bar can show.
    #[expect(clippy::cast_precision_loss, reason = "a share for a bar of a few hundred pixels")]
    let share = if total == 0 { 0.0 } else { used as f64 / total as f64 };
    let free = view::bytes(language, total.saturating_sub(used));
    html! {
        div.tile {
            h2 { (icon(picture)) (language.say(key)) }
            p.figure { (view::bytes(language, used)) " " small { (language.say_with("of-total", &[("total", &view::bytes(language, total))])) } }
            (meter(share))
            p { (language.say_with("host-free", &[("amount", &free)])) }
            @if let Some(more) = more { p { (more) } }
        }
    }
}

fn uptime(language: Language, seconds: u64) -> String {
    match seconds {
        0..3600 => language.count("span-minutes", seconds / 60),
        3600..172_800 => language.count("span-hours", seconds / 3600),
        172_800.. => language.count("span-days", seconds / 86_400),
    }
}

fn template_row(language: Language, template: &Template) -> Markup {
    let digest = template.version.split('@').nth(1).unwrap_or_default();
    html! {
        tr.template-row {
            td {
                span.title { (template.title) } " "
                @if template.default { span.pill data-kind="default" { (language.say("template-default")) } }
                div.quiet { (template.description) }
            }
            td.secondary.mono { (template.name) " " span.quiet { (digest) } }
            td {
                span.pills {
                    @for size in template.sizes.iter().filter(|size| size.baked) { span.pill { (size.size.as_str().to_uppercase()) } }
                    @if !template.sizes.iter().any(|size| size.baked) { span.quiet { (language.say("none")) } }
                }
            }
            td.useful { (time::ago(language, template.built_at)) }
            td.useful.numeric { (view::bytes(language, template.disk_bytes)) }
        }
    }
}
