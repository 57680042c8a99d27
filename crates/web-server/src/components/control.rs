//! Buttons, fields, menus, choices, notices.

use maud::{Markup, html};

use super::{Icon, icon, icon_with};
use crate::language::Language;

/// How loud a button is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Primary,
    Plain,
    Ghost,
    Danger,
    DangerQuiet,
}

impl Tone {
    pub(crate) const fn variant(self) -> &'static str {
        match self {
            Tone::Primary => "primary",
            Tone::Plain => "outline",
            Tone::Ghost => "ghost",
            Tone::Danger => "danger",
            Tone::DangerQuiet => "danger-quiet",
        }
    }
}

/// How to get out by keys of what takes all of them; shown while it has them.
pub(crate) fn leave(language: Language, id: &str) -> Markup {
    html! {
        p.leave-hint id=(id) { kbd.kbd { (language.say("leave-keys")) } " " (language.say(id)) }
    }
}

/// What a button asks the server for.
pub(crate) enum Ask {
    /// A dialog, shown over the page.
    Dialog(String),
    /// An action, whose result is a toast.
    Do(String),
}

impl Ask {
    pub(crate) fn new(by_dialog: bool, path: String) -> Self {
        if by_dialog { Ask::Dialog(path) } else { Ask::Do(path) }
    }

    fn get(&self) -> Option<&str> {
        match self {
            Ask::Dialog(path) => Some(path),
            Ask::Do(_) => None,
        }
    }

    fn post(&self) -> Option<&str> {
        match self {
            Ask::Dialog(_) => None,
            Ask::Do(path) => Some(path),
        }
    }

    fn target(&self) -> Option<&'static str> {
        self.get().map(|_| "#dialog")
    }

    fn swap(&self) -> &'static str {
        if self.get().is_some() { "innerHTML" } else { "none" }
    }
}

pub(crate) fn button(tone: Tone, small: bool, picture: Option<Icon>, label: &str, ask: &Ask) -> Markup {
    html! {
        button.btn type="button" data-variant=(tone.variant()) data-size=[small.then_some("sm")]
            hx-get=[ask.get()] hx-post=[ask.post()] hx-target=[ask.target()] hx-swap=(ask.swap()) {
            @if let Some(picture) = picture { (icon(picture)) }
            span.label { (label) }
        }
    }
}

pub(crate) fn submit(tone: Tone, wide: bool, label: &str) -> Markup {
    html! { button.btn type="submit" data-variant=(tone.variant()) data-wide[wide] { (label) } }
}

/// The same in a dialog, where it has the focus unless a field before it has.
pub(crate) fn submit_focused(tone: Tone, focused: bool, label: &str) -> Markup {
    html! { button.btn type="submit" data-variant=(tone.variant()) autofocus[focused] { (label) } }
}

/// How long something is to last: what each choice is called, and seconds. The first is chosen.
pub(crate) fn lifetimes(language: Language, legend: &str, choices: &[(&str, u64)]) -> Markup {
    html! {
        fieldset.choice-group {
            legend { (language.say(legend)) }
            @for (number, (name, seconds)) in choices.iter().enumerate() {
                label.choice-line {
                    input type="radio" name="lasts" value=(seconds) checked[number == 0];
                    (language.say(name))
                }
            }
        }
    }
}

/// A box to be ticked, with the key of what that means.
pub(crate) fn checkbox(language: Language, id: &str, name: &str, checked: bool, label: &str) -> Markup {
    html! {
        label.choice-line {
            input type="checkbox" id=(id) name=(name) checked[checked];
            span { (language.say(label)) }
        }
    }
}

/// A text field with its label, what helps, and what is wrong with it.
pub(crate) struct Field<'a> {
    pub id: &'a str,
    pub name: &'a str,
    /// Key of its label.
    pub label: &'a str,
    pub kind: &'a str,
    pub value: &'a str,
    pub autocomplete: &'a str,
    /// Key of what helps.
    pub hint: Option<&'a str>,
    pub problem: Option<&'a str>,
    pub required: bool,
    pub autofocus: bool,
    pub select: bool,
    /// How many lines of a long text are seen; one line is another kind of field.
    pub rows: Option<u32>,
}

impl<'a> Field<'a> {
    pub(crate) const fn text(id: &'a str, name: &'a str, label: &'a str, value: &'a str) -> Self {
        Self {
            id,
            name,
            label,
            kind: "text",
            value,
            autocomplete: "off",
            hint: None,
            problem: None,
            required: true,
            autofocus: false,
            select: false,
            rows: None,
        }
    }
}

pub(crate) fn field(language: Language, field: &Field<'_>) -> Markup {
    let Field { id, name, value, problem, .. } = *field;
    // What is wrong takes the place of what helps.
    let hint = field.hint.filter(|_| problem.is_none());
    let described = problem.map(|_| "problem").or(hint.map(|_| "hint")).map(|what| format!("{id}-{what}"));
    let focus = field.autofocus || problem.is_some();
    let invalid = problem.map(|_| "true");
    html! {
        div.field {
            label for=(id) { (language.say(field.label)) }
            @match field.rows {
                None => { input id=(id) name=(name) type=(field.kind) value=(value) autocomplete=(field.autocomplete)
                    autocapitalize="none" spellcheck="false" required[field.required] autofocus[focus]
                    data-select[field.select] aria-invalid=[invalid] aria-describedby=[&described]; }
                Some(rows) => { textarea id=(id) name=(name) rows=(rows) autocomplete="off" autocapitalize="none"
                    spellcheck="false" autofocus[focus] aria-invalid=[invalid] aria-describedby=[&described] { (value) } }
            }
            @if let Some(text) = problem { p.problem id=[&described] { (icon(Icon::Alert)) span { (text) } } }
            @if let Some(key) = hint { p.hint id=[&described] { (language.say(key)) } }
        }
    }
}

/// What is wrong with a group of choices.
pub(crate) fn problem(text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text { p.problem role="alert" { (icon(Icon::Alert)) span { (text) } } }
    }
}

/// What is wrong with all of a form, or with what is no field of it.
pub(crate) fn trouble(text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text { (notice(Notice::Error, &html! { (text) })) }
    }
}

/// A colour, an icon and a word, given by its key. A loader turns.
pub(crate) fn state_label(language: Language, (word, picture, colour): (&str, Icon, &str)) -> Markup {
    html! {
        span.state data-state=(colour) { (icon_with(picture, picture == Icon::Loader, false)) (language.say(word)) }
    }
}

/// A part of a panel with something of its own to fetch: filled once it is looked at, and kept true.
pub(crate) fn fetched_section(language: Language, id: &str, path: &str, seconds: u32, title: &str) -> Markup {
    html! {
        section.panel-section id=(id) hx-morph-skip hx-get=(path) hx-swap="innerMorph"
            hx-trigger={ "intersect once, every " (seconds) "s, rolltop:done from:document" } {
            h2 { (language.say(title)) }
        }
    }
}

/// Something the person should know here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Warning,
    Error,
}

pub(crate) fn notice(kind: Notice, content: &Markup) -> Markup {
    let (name, picture) = match kind {
        Notice::Warning => ("warning", Icon::Warning),
        Notice::Error => ("error", Icon::Alert),
    };
    html! {
        div.notice data-kind=(name) role=[(kind == Notice::Error).then_some("alert")] {
            (icon(picture))
            div { (content) }
        }
    }
}

/// A button with a menu under it. Keyboard and outside clicks are Basecoat's.
pub(crate) fn menu(id: &str, button: &Markup, align_end: bool, items: &Markup) -> Markup {
    html! {
        div.dropdown-menu id=(id) {
            (button)
            div data-popover aria-hidden="true" data-align=[align_end.then_some("end")] {
                div role="menu" id={ (id) "-menu" } aria-labelledby={ (id) "-button" } { (items) }
            }
        }
    }
}

/// The attributes' holder for a menu's button: its name is read out, its icon shown.
pub(crate) fn menu_button(id: &str, tone: Tone, picture: Icon, name: &str, label: Option<&str>) -> Markup {
    html! {
        button.btn type="button" id={ (id) "-button" } data-variant=(tone.variant())
            data-size=(if label.is_some() { "sm" } else { "icon-sm" }) aria-haspopup="menu" aria-expanded="false"
            aria-controls={ (id) "-menu" } aria-label=[label.is_none().then_some(name)] {
            (icon(picture))
            @if let Some(label) = label { span.label { (label) } (icon(Icon::Chevron)) }
        }
    }
}

/// A menu item that asks the server.
pub(crate) fn menu_item(id: &str, picture: Icon, label: &str, danger: bool, ask: &Ask) -> Markup {
    html! {
        button type="button" role="menuitem" id=(id) data-danger[danger] hx-get=[ask.get()] hx-post=[ask.post()]
            hx-target=[ask.target()] hx-swap=(ask.swap()) { (icon(picture)) (label) }
    }
}

/// The check mark of the chosen item.
pub(crate) fn check() -> Markup {
    icon_with(Icon::Check, false, true)
}

/// A share of a whole as a bar. The words beside it say the same.
pub(crate) fn meter(share: f64) -> Markup {
    let width = (share.clamp(0.0, 1.0) * 1000.0).round();
    html! {
        svg.meter viewBox="0 0 1000 10" preserveAspectRatio="none" data-level=[(share > 0.85).then_some("high")] aria-hidden="true" {
            rect x="0" y="0" width=(width) height="10" {}
        }
    }
}

/// A line to be taken elsewhere, with a button that copies it.
pub(crate) fn copyable(language: Language, id: &str, label: &str, text: &str) -> Markup {
    html! {
        div.copyable {
            code id=(id) { (text) }
            button.btn type="button" data-variant="ghost" data-size="icon-sm" data-copy=(id)
                data-copied=(language.say("copied")) aria-label=(language.say_with("copy-what", &[("what", label)])) { (icon(Icon::Copy)) }
        }
    }
}
