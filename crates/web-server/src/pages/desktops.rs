//! Home: the desktops, as cards or as a table, kept true by the event stream.

pub(crate) mod actions;
pub(crate) mod bulk;
pub(crate) mod choices;
pub(crate) mod failed;
pub(crate) mod new;
pub(crate) mod page;
pub(crate) mod panel;
pub(crate) mod ports;
pub(crate) mod setup;
pub(crate) mod size;
pub(crate) mod sleep;
pub(crate) mod ssh;
pub(crate) mod usage;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::{get, post};
use maud::{Markup, html};
use rolltop_api_types::{Desktop, DesktopPage, DesktopState, ListDesktops};
use rolltop_model::DesktopId;
use serde::Deserialize;

use crate::access::SignedIn;
use crate::app::App;
use crate::components::control::Tone;
use crate::components::desktop::COLUMNS;
use crate::components::dialog::opener;
use crate::components::layout::{Section, live_page};
use crate::components::table::empty;
use crate::components::{Icon, desktop, icon};
use crate::failure::Failure;
use crate::language::Language;
use crate::view::Phase;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desktops", get(show).post(new::submit))
        .route("/desktops/new", get(new::show))
        .route("/desktops/{id}", get(page::show))
        .route("/desktops/{id}/ports", get(ports::show))
        .route("/desktops/{id}/ports/{port}/share", get(ports::ask).post(ports::share))
        .route("/desktops/{id}/shares/{share}/revoke", post(ports::revoke))
        .route("/desktops/{id}/usage", get(usage::points))
        .route("/desktops/{id}/setup", get(setup::show).post(setup::set))
        .route("/desktops/{id}/setup/stop", post(setup::stop))
        .route("/desktops/{id}/setup/edit", get(setup::edit))
        .route("/desktops/{id}/size", get(size::edit).post(size::set))
        .route("/desktops/{id}/sleep", get(sleep::show).post(sleep::set))
        .route("/desktops/{id}/sleep/edit", get(sleep::edit))
        .route("/desktops/{id}/settings/autostart", post(actions::autostart))
        .route("/desktops/{id}/settings/choices", post(choices::set_one))
        .route("/desktops/{id}/choices", get(choices::edit).post(choices::set))
        .route("/desktops/{id}/hold", get(sleep::ask).post(sleep::hold))
        .route("/desktops/{id}/holds/{hold}/release", post(sleep::release))
        .route("/desktops/{id}/ask/{what}", get(actions::ask))
        .route("/desktops/{id}/{action}", post(actions::submit))
        .route("/bulk/{action}", get(bulk::ask).post(bulk::submit))
        .route("/desktops/{id}/gone", get(actions::gone))
        .route("/desktops/{id}/undo", post(actions::undo))
}

/// Desktops on one page.
const PAGE: u32 = 60;
/// Desktops that are starting and whose steps are fetched for their cards.
const STEPS_MOST: usize = 12;
/// What can be filtered by.
const STATES: [Option<DesktopState>; 5] = [
    None,
    Some(DesktopState::Running),
    Some(DesktopState::Suspended),
    Some(DesktopState::Stopped),
    Some(DesktopState::Failed),
];

#[derive(Deserialize, Default, Clone)]
pub(crate) struct Filter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    view: String,
    #[serde(default)]
    cursor: String,
    /// A column, after `-` where the last comes first.
    #[serde(default)]
    sort: String,
    /// A desktop whose page was left because it is gone.
    #[serde(default)]
    gone: Option<DesktopId>,
    /// The dialog for a new one is to be open.
    #[serde(default)]
    new: Option<String>,
}

impl Filter {
    fn state(&self) -> Option<DesktopState> {
        DesktopState::ALL.iter().copied().find(|state| state.as_str() == self.state)
    }

    fn is_table(&self) -> bool {
        self.view == "table"
    }

    /// What the list is sorted by, if it is by something.
    fn column(&self) -> Option<&str> {
        let wanted = self.sort.trim_start_matches('-');
        COLUMNS.iter().map(|(column, ..)| *column).find(|column| *column == wanted)
    }

    fn is_narrowing(&self) -> bool {
        self.state().is_some() || !self.q.is_empty() || !self.label.is_empty()
    }

    /// The address of this list with some things changed.
    fn address(&self, state: Option<DesktopState>, table: bool, cursor: &str) -> String {
        let state = state.map_or("", DesktopState::as_str);
        let pairs = [
            ("state", state),
            ("q", &self.q),
            ("label", &self.label),
            ("view", if table { "table" } else { "" }),
            ("cursor", cursor),
            ("sort", &self.sort),
        ];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        if query.is_empty() { "/desktops".to_owned() } else { format!("/desktops?{query}") }
    }

    fn own_address(&self) -> String {
        self.address(self.state(), self.is_table(), &self.cursor)
    }
}

pub(crate) async fn show(person: SignedIn, Query(filter): Query<Filter>) -> Result<Markup, Failure> {
    let which = ListDesktops {
        cursor: Some(filter.cursor.clone()).filter(|cursor| !cursor.is_empty()),
        limit: Some(PAGE),
        state: filter.state(),
        q: Some(filter.q.trim().to_owned()).filter(|q| !q.is_empty()),
        label: Some(filter.label.clone()).filter(|label| !label.is_empty()),
    };
    let mut found = match filter.column() {
        Some(column) => sorted(person.client.all_desktops_of(which).await?, &filter, column),
        None => person.client.desktops(&which).await?,
    };
    if !filter.is_table() {
        add_steps(&person, &mut found.items).await;
    }
    let list = list(&person, &filter, &found);
    Ok(live_page(&person, Section::Desktops, "rail-desktops", list, |list| {
        html! {
            (list)
            @if filter.new.is_some() { div hx-get="/desktops/new" hx-trigger="load" hx-target="#dialog" hx-swap="innerHTML" {} }
            @if let Some(gone) = filter.gone { div hx-get={ "/desktops/" (gone) "/gone" } hx-trigger="load" hx-swap="none" {} }
        }
    }))
}

/// The API lists by when they were made; by anything else all of them are needed, and shown.
fn sorted(mut all: Vec<Desktop>, filter: &Filter, column: &str) -> DesktopPage {
    let phase = |one: &Desktop| Phase::of(one).as_str();
    all.sort_by(|a, b| match column {
        "state" => phase(a).cmp(phase(b)),
        "template" => a.template.cmp(&b.template),
        "size" => (a.vcpus, a.memory_mib).cmp(&(b.vcpus, b.memory_mib)),
        "memory" => a.memory_bytes.cmp(&b.memory_bytes),
        "disk" => a.disk_bytes.cmp(&b.disk_bytes),
        "used" => b.last_used_at.cmp(&a.last_used_at),
        "age" => b.created_at.cmp(&a.created_at),
        _ => a.name.cmp(&b.name),
    });
    if filter.sort.starts_with('-') {
        all.reverse();
    }
    DesktopPage { items: all, next_cursor: None }
}

/// A column's heading, which sorts by it, and the other way round at the next click.
fn head(language: Language, filter: &Filter, column: &str, heading: &str) -> Markup {
    let by = filter.column() == Some(column);
    let down = filter.sort.starts_with('-');
    let next = if by && !down { format!("-{column}") } else { column.to_owned() };
    let path = Filter { sort: next, ..filter.clone() }.address(filter.state(), true, "");
    html! {
        a href=(path) hx-get=(path) hx-target="#desktops" hx-swap="outerMorph" hx-replace-url="true" hx-sync="#desktops:replace"
            data-sorted=[by.then_some(if down { "descending" } else { "ascending" })] {
            (language.say(heading))
            @if by { span.visually-hidden { " " (language.say(if down { "sorted-down" } else { "sorted-up" })) } }
        }
    }
}

/// Lists come without steps; those that are starting show theirs.
async fn add_steps(person: &SignedIn, desktops: &mut [Desktop]) {
    let starting =
        desktops.iter_mut().filter(|desktop| matches!(Phase::of(desktop), Phase::Pending | Phase::Booting));
    for desktop in starting.take(STEPS_MOST) {
        // One that is gone by now is refreshed by its own event.
        if let Ok(whole) = person.client.desktop(desktop.id).await {
            *desktop = whole;
        }
    }
}

fn list(person: &SignedIn, filter: &Filter, found: &DesktopPage) -> Markup {
    let language = person.language;
    let nothing = found.items.is_empty() && !filter.is_narrowing() && filter.cursor.is_empty();
    html! {
        section #desktops data-live="desktops" hx-get=(filter.own_address()) hx-trigger="refresh" hx-swap="outerMorph" hx-target="this" {
            @if nothing {
                (empty(language, "empty", &new(language, false)))
            } @else {
                (filters(person, filter, found))
                @if found.items.is_empty() {
                    (no_match(language, filter))
                } @else if filter.is_table() {
                    (desktop::table(language, &found.items, &|column, heading| head(language, filter, column, heading)))
                    (bulk::bar(language, &found.items))
                } @else {
                    ul.cards { @for item in &found.items { (desktop::card(language, item)) } }
                }
                @if let Some(cursor) = &found.next_cursor {
                    div.more {
                        a.btn data-variant="outline" href=(filter.address(filter.state(), filter.is_table(), cursor)) { (language.say("list-more")) }
                    }
                }
            }
        }
    }
}

fn filters(person: &SignedIn, filter: &Filter, found: &DesktopPage) -> Markup {
    let language = person.language;
    html! {
        div.filters {
            nav.segments aria-label=(language.say("filter-state")) {
                @for state in STATES {
                    (segment(&filter.address(state, filter.is_table(), ""), filter.state() == state, &html! {
                        (language.say(&format!("filter-{}", state.map_or("all", DesktopState::as_str))))
                    }, None))
                }
            }
            @if let Some(count) = count(person, filter, found) { span.quiet { (count) } }
            @if !filter.label.is_empty() {
                @let all = Filter { label: String::new(), ..filter.clone() };
                a.badge data-variant="outline" href=(all.address(all.state(), all.is_table(), "")) aria-label=(language.say_with("label-clear", &[("label", &filter.label)])) {
                    bdi { (filter.label) } (icon(Icon::X))
                }
            }
            div.at-end {
                form.search-field role="search" action="/desktops" method="get" hx-get="/desktops" hx-target="#desktops" hx-swap="outerMorph"
                    hx-trigger="input delay:200ms, submit" hx-replace-url="true" hx-sync="#desktops:replace" {
                    (icon(Icon::Search))
                    input #desktop-search type="search" name="q" value=(filter.q) placeholder=(language.say("filter-text"))
                        aria-label=(language.say("filter-text")) autocomplete="off" spellcheck="false";
                    input type="hidden" name="state" value=(filter.state);
                    input type="hidden" name="label" value=(filter.label);
                    input type="hidden" name="view" value=(filter.view);
                    input type="hidden" name="sort" value=(filter.sort);
                }
                nav.segments aria-label=(language.say("view-label")) {
                    (segment(&filter.address(filter.state(), false, ""), !filter.is_table(), &icon(Icon::Grid), Some(&language.say("view-cards"))))
                    (segment(&filter.address(filter.state(), true, ""), filter.is_table(), &icon(Icon::List), Some(&language.say("view-table"))))
                }
                (new(language, true))
            }
        }
    }
}

/// How many are shown, where the page knows: not where there are more pages of what was asked for.
fn count(person: &SignedIn, filter: &Filter, found: &DesktopPage) -> Option<String> {
    let all = person.me.limits.desktops_used;
    if !filter.is_narrowing() {
        return Some(person.language.count("count-desktops", all));
    }
    let is_whole = filter.cursor.is_empty() && found.next_cursor.is_none();
    is_whole
        .then(|| person.language.count_with("count-found", all, &[("found", &found.items.len().to_string())]))
}

fn segment(path: &str, current: bool, content: &Markup, name: Option<&str>) -> Markup {
    html! {
        // What keeps the list true gives way, or its answer would bring the list of before back.
        a.segment href=(path) hx-get=(path) hx-target="#desktops" hx-swap="outerMorph" hx-replace-url="true" hx-sync="#desktops:replace"
            aria-current=[current.then_some("true")] aria-label=[name] title=[name] { (content) }
    }
}

fn new(language: Language, small: bool) -> Markup {
    let label = language.say("new-desktop");
    opener(Tone::Primary, small, Some(Icon::Plus), &label, "/desktops/new".to_owned())
}

fn no_match(language: Language, filter: &Filter) -> Markup {
    let all = Filter { view: filter.view.clone(), sort: filter.sort.clone(), ..Filter::default() };
    html! {
        div.empty-state {
            h2 { (language.say("no-match-title")) }
            p { (language.say("no-match-text")) }
            a.btn data-variant="outline" href=(all.own_address()) { (language.say("no-match-clear")) }
        }
    }
}
