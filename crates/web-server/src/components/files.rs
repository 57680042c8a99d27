//! The files of a desktop: the frame that a script fills, with every word it may need.

use maud::{Markup, html};
use rolltop_model::DesktopId;

use super::control::{Field, Tone, field};
use super::dialog::question;
use super::{Icon, icon};
use crate::assets;
use crate::language::Language;

/// What is done with what is picked: what the script calls it, its picture, and whether it takes one.
const ACTIONS: [(&str, Icon, bool); 6] = [
    ("download", Icon::Download, false),
    ("rename", Icon::Pencil, true),
    ("move", Icon::Move, false),
    ("copy", Icon::Copy, true),
    ("mode", Icon::Lock, true),
    ("delete", Icon::Trash, false),
];

pub(crate) fn files(language: Language, desktop: DesktopId) -> Markup {
    html! {
        rolltop-files #files hx-morph-skip data-desktop=(desktop) data-module=(assets::address("files.js")) data-words=(words(language)) {
            div.files-bar role="toolbar" aria-label=(language.say("tab-files")) {
                (button(language, "up", Icon::Up))
                (button(language, "home", Icon::Home))
                input data-path type="text" aria-label=(language.say("files-path")) autocomplete="off" autocapitalize="none" spellcheck="false";
                button.btn type="button" data-variant="ghost" data-size="icon-sm" data-do="hidden" aria-pressed="false"
                    aria-label=(language.say("files-hidden")) title=(language.say("files-hidden")) { (icon(Icon::Eye)) }
                (button(language, "refresh", Icon::Refresh))
                (button(language, "folder", Icon::FolderPlus))
                (button(language, "upload", Icon::Upload))
                input type="file" data-files multiple hidden;
            }
            div.files-actions role="toolbar" aria-label=(language.say("bulk-label")) hidden {
                span.files-picked data-picked {}
                @for (act, picture, one) in ACTIONS {
                    button.btn type="button" data-variant="ghost" data-size="icon-sm" data-do=(act) data-one[one]
                        aria-label=(language.say(&format!("files-{act}"))) title=(language.say(&format!("files-{act}"))) { (icon(picture)) }
                }
            }
            div.files-busy role="status" hidden {
                span data-busy {}
                button.btn type="button" data-variant="outline" data-size="sm" data-do="stop" { (language.say("cancel")) }
            }
            div.files-list tabindex="0" role="group" aria-label=(language.say("tab-files")) {
                (table(language))
                p.files-empty hidden { (language.say("files-empty")) }
                p.files-more hidden { (language.say("files-more")) }
            }
            div.files-uploads-bar role="status" hidden {
                span data-uploads-count {}
                button.btn type="button" data-variant="outline" data-size="sm" data-do="stop-uploads" { (language.say("files-stop-uploads")) }
            }
            ul.files-uploads hidden aria-label=(language.say("files-uploads")) {}
            (preview(language))
            (dialogs(language))
            (patterns(language))
        }
    }
}

fn words(language: Language) -> String {
    let say = |key: &str| language.say_with(key, &[("name", "%name%")]);
    let far = |key: &str| language.say_with(key, &[("done", "%done%"), ("all", "%all%")]);
    let units =
        ["unit-b", "unit-kib", "unit-mib", "unit-gib", "unit-tib"].map(|unit| language.say(unit)).join(" ");
    serde_json::json!({
        "pick": say("pick"), "copy-name": say("files-copy-name"), "saved": say("files-saved"), "changed": say("files-changed"),
        "units": units,
        "page": say("files-page"), "resumed": say("files-resumed"), "picked": say("files-picked"),
        "deleting": far("files-deleting"), "moving": far("files-moving"), "uploads-count": far("files-uploads-count"),
    })
    .to_string()
}

fn button(language: Language, act: &str, picture: Icon) -> Markup {
    let name = language.say(&format!("files-{act}"));
    html! {
        button.btn type="button" data-variant="ghost" data-size="icon-sm" data-do=(act) aria-label=(name) title=(name) { (icon(picture)) }
    }
}

fn table(language: Language) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { input type="checkbox" data-all aria-label=(language.say("pick-all")); }
                    @for (column, name) in [("name", "column-name"), ("size", "column-file-size"), ("modified_at", "column-modified")] {
                        th data-column=(column) { button type="button" { (language.say(name)) } }
                    }
                }
            }
            tbody {}
        }
    }
}

fn preview(language: Language) -> Markup {
    html! {
        section.files-preview hidden aria-label=(language.say("files-preview")) {
            header {
                (button(language, "close", Icon::Back))
                h2 data-preview-name {}
                button.btn type="button" data-size="sm" data-do="save" disabled { (language.say("files-save")) }
                a.btn data-variant="ghost" data-size="icon-sm" data-preview-download href="#" aria-label=(language.say("files-download")) { (icon(Icon::Download)) }
            }
            textarea hidden aria-label=(language.say("files-text")) spellcheck="false" autocapitalize="none" {}
            img hidden alt=(language.say("files-picture"));
            div data-preview-pages data-pdf-module=(assets::address("files-pdf.js")) data-pdf-worker=(assets::address("pdf-worker.js"))
                tabindex="0" role="group" aria-label=(language.say("files-pages")) hidden {}
            p data-preview-none hidden { (language.say("files-no-preview")) }
        }
    }
}

fn dialogs(language: Language) -> Markup {
    html! {
        @for what in ["folder", "rename", "copy", "move", "mode"] {
            (dialog(language, what, false, &field(language, &Field::text(&format!("files-{what}-field"), "value", &format!("ask-files-{what}-label"), ""))))
        }
        @for what in ["delete", "replace", "discard"] {
            (dialog(language, what, what != "replace", &html! { p { (language.say(&format!("ask-files-{what}-text"))) } ul.losses {} }))
        }
    }
}

fn dialog(language: Language, what: &str, danger: bool, body: &Markup) -> Markup {
    let tone = if danger { Tone::Danger } else { Tone::Primary };
    let submit = format!("confirm-files-{what}");
    question(language, what, &format!("ask-files-{what}"), (&submit, tone), body)
}

/// What the script copies: a row of each kind, and an upload.
fn patterns(language: Language) -> Markup {
    html! {
        @for (kind, picture) in [("folder", Icon::Folder), ("file", Icon::File), ("link", Icon::Link), ("other", Icon::Disk)] {
            template data-row=(kind) {
                tr {
                    td { input type="checkbox"; }
                    td { button type="button" data-open { (icon(picture)) bdi {} } }
                    td data-size {}
                    td { time {} }
                }
            }
        }
        template data-upload {
            li data-broken-off=(language.say("files-broken-off")) {
                span data-name {}
                button.btn type="button" data-variant="ghost" data-size="icon-sm" aria-label=(language.say("cancel")) { (icon(Icon::X)) }
                progress max="1" value="0" aria-label=(language.say("files-uploading")) {}
                span data-reason role="alert" {}
            }
        }
    }
}
