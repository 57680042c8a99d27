//! The frame around every page: head, rail, top line, account menu, and the places into which
//! dialogs, toasts and the palette come.

use maud::{DOCTYPE, Markup, html};

use super::control::{Tone, check, menu};
use super::{Icon, icon, large_icon, mark, toast};
use crate::access::{Reader, SignedIn};
use crate::assets;
use crate::language::Language;

/// htmx without inline styles and without history tricks. What scripts of ours write onto
/// elements stays there when a part of the page is made anew.
const HTMX: &str = r#"{"includeIndicatorCSS":false,"history":"reload","prefix":"","defaultTimeout":30000,"morphIgnore":["data-htmx-powered","data-basecoat","data-dropdown-menu-initialized","data-tabs-initialized","data-command-initialized","aria-expanded","aria-activedescendant","aria-valuenow","aria-hidden","aria-selected","tabindex","hidden","data-shown"]}"#;

/// Which part of the rail a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Desktops,
    Snapshots,
    Keys,
    Host,
    Docs,
    None,
}

/// A page in the frame.
struct Page<'a> {
    title: &'a str,
    section: Section,
    /// Label and address of what this page is in, from the outside in.
    parents: &'a [(&'a str, &'a str)],
    /// The page's name, at the end of the way to it.
    here: Markup,
    /// Whether it is a desktop's: its live screen fills the window instead of scrolling with it.
    screen: bool,
}

/// A page of somebody who is signed in.
pub(crate) fn page(person: &SignedIn, section: Section, title: &str, content: &Markup) -> Markup {
    let page = Page { title, section, parents: &[], here: heading(title, false), screen: false };
    framed(person.language, Some(person), &page, content)
}

/// A page that is one part, which fetches itself again: then only that is sent. What is `around` it comes with the page.
pub(crate) fn live_page(
    person: &SignedIn,
    section: Section,
    title: &str,
    part: Markup,
    around: impl FnOnce(Markup) -> Markup,
) -> Markup {
    if person.fragment {
        return part;
    }
    page(person, section, &person.language.say(title), &html! { div.page { (around(part)) } })
}

/// A desktop's page.
pub(crate) fn screen_page(person: &SignedIn, name: &str, content: &Markup) -> Markup {
    let home = person.language.say("rail-desktops");
    let (parents, here) = ([(home.as_str(), "/desktops")], heading(name, false));
    let page = Page { title: name, section: Section::Desktops, parents: &parents, here, screen: true };
    framed(person.language, Some(person), &page, content)
}

/// A page to be read by everybody, with its own heading in its content.
pub(crate) fn reading(reader: &Reader, title: &str, parents: &[(&str, &str)], content: &Markup) -> Markup {
    let here = html! { span.here aria-current="page" { (title) } };
    let page = Page { title, section: Section::Docs, parents, here, screen: false };
    framed(reader.language(), reader.person(), &page, content)
}

fn framed(language: Language, person: Option<&SignedIn>, page: &Page<'_>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.code()) {
            (head(language, page.title, page.screen))
            body data-events=[person.map(|_| "on")] data-words=(words(language)) {
                a.skip-link href="#content" { (language.say("skip-to-content")) }
                div.connection-line #connection-line role="status" hidden {}
                div.frame data-fill[page.screen] {
                    (rail(language, person, page.section))
                    (topline(person, language, page.parents, &page.here))
                    main.content #content data-fill[page.screen] { (content) }
                }
                @if person.is_some() { (palette(language)) }
                div #dialog {}
                (toast::list(language))
            }
        }
    }
}

/// A page outside the frame: signing in, welcome, errors. What is said comes below the title.
pub(crate) fn doorway(language: Language, title: &str, said: &[&str], content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.code()) {
            (head(language, title, false))
            body data-words=(words(language)) data-signed-out {
                main.doorway #content { (doorway_card(title, said, content)) }
                (toast::list(language))
            }
        }
    }
}

pub(crate) fn doorway_card(title: &str, said: &[&str], content: &Markup) -> Markup {
    html! {
        div.doorway-card {
            (mark())
            header { h1 { bdi { (title) } } @for text in said { p { (text) } } }
            (content)
        }
    }
}

fn head(language: Language, title: &str, screen: bool) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            (self::title(language, title))
            meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content";
            meta name="color-scheme" content="light dark";
            meta name="htmx-config" content=(HTMX);
            link rel="icon" href=(assets::address("favicon.svg")) type="image/svg+xml";
            script src=(assets::address("theme.js")) {}
            link rel="preload" href=(assets::address("inter-latin-wght-normal.woff2")) as="font" type="font/woff2" crossorigin;
            link rel="stylesheet" href=(assets::address("app.css"));
            script type="module" src=(assets::address("app.js")) {}
            @if screen { script type="module" src=(assets::address("screen.js")) {} }
        }
    }
}

/// What the tab of a browser is called. A fragment that has it renames the tab.
pub(crate) fn title(language: Language, name: &str) -> Markup {
    html! { title { (name) " · " (language.say("product")) } }
}

/// What scripts may have to say.
fn words(language: Language) -> String {
    let status = [("status", "{status}")];
    serde_json::json!({
        "offline": language.say("error-unavailable-text"),
        "reconnecting": language.say("reconnecting"),
        "unsent": language.say("connection-unsent"),
        "ended": language.say("connection-ended"),
        "refused": language.say("connection-refused"),
        "too-long": language.say("clipboard-too-long"),
        "silent": language.say("connection-silent"),
        "between": language.say_with("error-between", &status),
        "too-large-between": language.say_with("error-too-large-between", &status),
    })
    .to_string()
}

/// Those who are not signed in see where the documentation is, and the way in.
fn rail(language: Language, person: Option<&SignedIn>, section: Section) -> Markup {
    let link = |target: Section, path: &str, picture: Icon, key: &str| {
        html! {
            li {
                a.rail-link href=(path) aria-current=[(section == target).then_some("page")] title=(language.say(key)) {
                    (large_icon(picture)) span.label { (language.say(key)) }
                }
            }
        }
    };
    html! {
        nav.rail aria-label=(language.say("rail-label")) {
            a.brand href="/desktops" aria-label=(language.say("rail-home")) {
                (mark()) span.label { (language.say("product")) }
            }
            @if let Some(person) = person {
                ul.rail-links {
                    (link(Section::Desktops, "/desktops", Icon::Monitor, "rail-desktops"))
                    (link(Section::Snapshots, "/snapshots", Icon::Layers, "rail-snapshots"))
                    (link(Section::Keys, "/ssh-keys", Icon::Password, "rail-keys"))
                    @if person.me.admin { (link(Section::Host, "/host", Icon::Server, "rail-host")) }
                }
            }
            ul.rail-links.at-foot {
                (link(Section::Docs, "/docs", Icon::Book, "rail-docs"))
                @if person.is_none() { (link(Section::None, "/sign-in", Icon::SignIn, "sign-in")) }
            }
        }
    }
}

/// The page's name, at the end of the way to it. Renaming sends it again.
pub(crate) fn heading(title: &str, again: bool) -> Markup {
    html! { h1 #here hx-swap-oob=[again.then_some("true")] { bdi { (title) } } }
}

/// `here` is the page's name.
fn topline(person: Option<&SignedIn>, language: Language, parents: &[(&str, &str)], here: &Markup) -> Markup {
    html! {
        header.topline {
            div.where {
                @if !parents.is_empty() {
                    nav aria-label=(language.say("crumbs-label")) {
                        ol.crumbs { @for (label, path) in parents { li { a href=(path) { (label) } } } }
                    }
                }
                (here)
            }
            @if let Some(person) = person {
                div.topline-tools {
                    button.search-button type="button" data-open-palette aria-keyshortcuts="Control+K" {
                        (icon(Icon::Search)) span.label { (language.say("palette-hint")) } kbd.kbd { (language.say("palette-keys")) }
                    }
                    (account(person))
                }
            }
        }
    }
}

fn account(person: &SignedIn) -> Markup {
    let language = person.language;
    let name = person.me.name.clone().unwrap_or_else(|| language.say("account-unnamed"));
    let initial: String = name.chars().next().into_iter().collect();
    let theme = |value: &str, picture: Icon, key: &str| {
        html! {
            button type="button" role="menuitemradio" aria-checked="false" id={ "theme-" (value) } data-theme-choice=(value) {
                (icon(picture)) (language.say(key)) (check())
            }
        }
    };
    let items = html! {
        div.menu-person { bdi { (name) } }
        div role="separator" {}
        div role="group" aria-labelledby="theme-heading" {
            div.menu-heading #theme-heading { (language.say("theme")) }
            (theme("light", Icon::Sun, "theme-light"))
            (theme("dark", Icon::Moon, "theme-dark"))
            (theme("system", Icon::SunMoon, "theme-system"))
        }
        div role="separator" {}
        button type="button" role="menuitemcheckbox" aria-checked="true" #account-palette-keys data-palette-keys {
            (icon(Icon::Search)) (language.say("palette-keys-choice")) (check())
        }
        div role="separator" {}
        div role="group" aria-labelledby="language-heading" {
            div.menu-heading #language-heading { (language.say("language")) }
            @for other in Language::ALL {
                button type="button" role="menuitemradio" id={ "language-" (other.code()) } lang=(other.code())
                    aria-checked=(if other == language { "true" } else { "false" })
                    hx-post={ "/account/language?to=" (other.code()) } hx-swap="none" {
                    (icon(Icon::Languages)) (other.say("language-name")) (check())
                }
            }
        }
        div role="separator" {}
        a role="menuitem" #account-password href="/account/password" { (icon(Icon::Password)) (language.say("account-password")) }
        button type="button" role="menuitem" #account-sign-out hx-post="/sign-out" hx-swap="none" {
            (icon(Icon::SignOut)) (language.say("sign-out"))
        }
    };
    let button = html! {
        button.avatar-button type="button" #account-button aria-haspopup="menu" aria-expanded="false"
            aria-controls="account-menu" aria-label=(language.say_with("account-of", &[("name", &name)])) { (initial) }
    };
    menu("account", &button, true, &items)
}

/// The command palette, empty: its contents come when it is opened.
fn palette(language: Language) -> Markup {
    html! {
        dialog.command-dialog #palette aria-label=(language.say("palette-open")) {
            div.command {
                header {
                    (icon(Icon::Search))
                    input type="text" placeholder=(language.say("palette-placeholder")) autocomplete="off" spellcheck="false"
                        aria-label=(language.say("palette-placeholder")) role="combobox" aria-expanded="true" aria-controls="palette-list";
                }
                div role="menu" #palette-list data-palette-list data-empty=(language.say("palette-empty"))
                    aria-label=(language.say("palette-open")) hx-get="/palette" hx-trigger="refresh" hx-swap="innerHTML" {}
            }
        }
    }
}

/// A link that looks like a button.
pub(crate) fn link_button(tone: Tone, path: &str, label: &str) -> Markup {
    html! { a.btn href=(path) data-variant=(tone.variant()) { (label) } }
}
