//! One page: read from Markdown, with headings that can be linked to, and made into HTML.
//!
//! Raw HTML is never passed on: it is shown as the text it is, and a test refuses it.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::link;
use crate::components::{Icon, icon};

/// A page's parts, in order.
pub(crate) struct Page {
    pub title: String,
    /// Below the title, of levels 2 and 3.
    pub headings: Vec<Heading>,
    events: Vec<Event<'static>>,
}

pub(crate) struct Heading {
    pub id: String,
    pub title: String,
    /// Of level 3 rather than 2.
    pub minor: bool,
}

/// What the frame around a page's parts says, in the visitor's language.
pub(crate) struct Wording {
    pub copy: String,
    pub copied: String,
    pub table: String,
    pub code: String,
}

/// What the index is read by.
pub(super) enum Mark {
    Heading(String),
    Link(String),
}

/// A heading and what is said under it.
pub(super) struct Section {
    /// Empty before the first heading.
    pub id: String,
    pub title: String,
    pub text: String,
}

impl Page {
    pub(crate) fn read(markdown: &str) -> Self {
        let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES);
        let mut events: Vec<Event<'static>> = parser.map(Event::into_static).collect();
        let (title, headings) = name_headings(&mut events);
        Self { title, headings, events }
    }

    /// The page without its title.
    pub(crate) fn html(&self, wording: &Wording) -> Markup {
        let mut out = String::new();
        pulldown_cmark::html::push_html(&mut out, shown(&self.events, wording).into_iter());
        PreEscaped(out)
    }

    /// Headings of level 2 and links, in order.
    pub(super) fn outline(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (at, event) in self.events.iter().enumerate() {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                    marks.push(Mark::Heading(heading(&self.events, at)));
                }
                Event::Start(Tag::Link { dest_url, .. }) => marks.push(Mark::Link(dest_url.to_string())),
                _ => {}
            }
        }
        marks
    }

    /// What the search looks through.
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut sections = vec![Section { id: String::new(), title: String::new(), text: String::new() }];
        let mut named = self.headings.iter();
        let (mut inside_heading, mut inside_title) = (false, false);
        for event in &self.events {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H2 | HeadingLevel::H3, .. }) => {
                    inside_heading = true;
                    if let Some(heading) = named.next() {
                        let (id, title) = (heading.id.clone(), heading.title.clone());
                        sections.push(Section { id, title, text: String::new() });
                    }
                }
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => inside_title = true,
                Event::End(TagEnd::Heading(_)) => (inside_heading, inside_title) = (false, false),
                _ if inside_heading || inside_title => {}
                event => {
                    if let Some(section) = sections.last_mut() {
                        say(&mut section.text, event);
                    }
                }
            }
        }
        sections
    }

    /// Everything that is linked to.
    #[cfg(test)]
    pub(super) fn targets(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    Some(dest_url.to_string())
                }
                _ => None,
            })
            .collect()
    }

    /// What may not be in a page.
    #[cfg(test)]
    pub(super) fn refused(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Html(text) | Event::InlineHtml(text) => Some(format!("raw HTML: {text}")),
                Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented)) => {
                    Some("an indented code block".to_owned())
                }
                Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Fenced(info)))
                    if info.is_empty() =>
                {
                    Some("a code block that does not say what it holds (sh, json, text, …)".to_owned())
                }
                _ => None,
            })
            .collect()
    }
}

/// Gives every heading the id that repository browsers give it. The title is that of level 1.
fn name_headings(events: &mut [Event<'static>]) -> (String, Vec<Heading>) {
    let (mut title, mut headings) = (String::new(), Vec::new());
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let starts: Vec<usize> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| matches!(event, Event::Start(Tag::Heading { .. })))
        .map(|(at, _)| at)
        .collect();
    for start in starts {
        let text = heading(events, start);
        let Some(Event::Start(Tag::Heading { level, id, .. })) = events.get_mut(start) else { continue };
        let name = unique(&mut used, &text);
        *id = Some(CowStr::from(name.clone()));
        match level {
            HeadingLevel::H1 if title.is_empty() => title = text,
            HeadingLevel::H2 => headings.push(Heading { id: name, title: text, minor: false }),
            HeadingLevel::H3 => headings.push(Heading { id: name, title: text, minor: true }),
            _ => {}
        }
    }
    (title, headings)
}

fn unique(used: &mut BTreeMap<String, usize>, text: &str) -> String {
    let id: String = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    let times = used.entry(id.clone()).or_default();
    *times += 1;
    if *times == 1 { id } else { format!("{id}-{}", *times - 1) }
}

/// The bare text of the heading that begins there.
fn heading(events: &[Event<'static>], at: usize) -> String {
    let mut text = String::new();
    let inside = events.iter().skip(at + 1);
    let inside = inside.take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    inside.for_each(|event| say(&mut text, event));
    text.trim().to_owned()
}

/// What an event adds to a page's bare text.
fn say(text: &mut String, event: &Event<'static>) {
    match event {
        Event::Text(words) | Event::Code(words) => text.push_str(words),
        Event::SoftBreak | Event::HardBreak => text.push(' '),
        Event::End(
            TagEnd::Paragraph
            | TagEnd::Item
            | TagEnd::TableCell
            | TagEnd::CodeBlock
            | TagEnd::TableHead
            | TagEnd::TableRow,
        ) => text.push(' '),
        _ => {}
    }
}

/// The events as `/docs` shows them.
fn shown(events: &[Event<'static>], wording: &Wording) -> Vec<Event<'static>> {
    let mut out = Vec::with_capacity(events.len());
    let mut open: Option<(String, usize)> = None;
    let (mut blocks, mut in_title) = (0, false);
    for event in events {
        if let Some((text, number)) = &mut open {
            match event {
                Event::Text(words) => text.push_str(words),
                Event::End(TagEnd::CodeBlock) => {
                    out.push(raw(code(text, *number, wording)));
                    open = None;
                }
                _ => {}
            }
            continue;
        }
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => in_title = true,
            Event::End(TagEnd::Heading(HeadingLevel::H1)) => in_title = false,
            _ if in_title => {}
            Event::Start(Tag::CodeBlock(_)) => {
                blocks += 1;
                open = Some((String::new(), blocks));
            }
            Event::Start(Tag::Table(columns)) => {
                out.push(raw(PreEscaped(table_start(&wording.table))));
                out.push(Event::Start(Tag::Table(columns.clone())));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(raw(PreEscaped("</div>".to_owned())));
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => {
                let mut event = event.clone();
                if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = &mut event {
                    *dest_url = CowStr::from(link::address(dest_url));
                }
                out.push(event);
            }
            Event::Html(text) | Event::InlineHtml(text) => out.push(Event::Text(text.clone())),
            event => out.push(event.clone()),
        }
    }
    out
}

fn raw(markup: Markup) -> Event<'static> {
    Event::Html(CowStr::from(markup.into_string()))
}

/// A table may be wider than a phone: it scrolls by itself, by keyboard too.
fn table_start(label: &str) -> String {
    let frame = html! { div.docs-table tabindex="0" role="group" aria-label=(label) {} };
    frame.into_string().trim_end_matches("</div>").to_owned()
}

/// A block of code with the button that copies it; `number` is its place on the page.
pub(crate) fn code(text: &str, number: usize, wording: &Wording) -> Markup {
    let id = format!("code-{number}");
    html! {
        div.docs-code {
            pre tabindex="0" role="group" aria-label={ (wording.code) " " (number) } { code id=(id) { (text.trim_end()) } }
            button.btn type="button" data-variant="ghost" data-size="icon-sm" data-copy=(id) data-copied=(wording.copied)
                aria-label={ (wording.copy) " " (number) } { (icon(Icon::Copy)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording() -> Wording {
        let [copy, copied, table, code] = ["Copy", "Copied", "Table", "Code"].map(str::to_owned);
        Wording { copy, copied, table, code }
    }

    fn html(markdown: &str) -> String {
        Page::read(markdown).html(&wording()).into_string()
    }

    #[test]
    fn headings_have_the_ids_that_repository_browsers_give_them() {
        let page = Page::read("# T\n\n## Port 22 & `ssh -J`\n\n### It's là\n\n## Keys\n\n## Keys\n");
        let ids: Vec<&str> = page.headings.iter().map(|heading| heading.id.as_str()).collect();
        assert_eq!(ids, ["port-22--ssh--j", "its-là", "keys", "keys-1"]);
        assert_eq!((page.title.as_str(), page.headings[1].minor), ("T", true));
        assert!(page.html(&wording()).into_string().contains(r#"<h2 id="keys-1">Keys</h2>"#));
    }

    #[test]
    fn raw_html_is_text() {
        let shown =
            html("a <script>alert(1)</script> b\n\n<img src=x onerror=alert(1)>\n\n<div onclick='x'>\n");
        assert!(!shown.contains("<script") && !shown.contains("<img") && !shown.contains("<div"), "{shown}");
        assert!(shown.contains("&lt;script&gt;"));
        assert!(!Page::read("<b>x</b>").refused().is_empty());
    }

    #[test]
    fn links_that_do_something_do_nothing() {
        let shown = html("[x](javascript:alert(1)) [y](ssh.md#keys) ![z](javascript:x)");
        assert!(!shown.contains("javascript:"), "{shown}");
        assert!(shown.contains(r#"<a href="/docs/ssh#keys">y</a>"#), "{shown}");
    }

    #[test]
    fn code_can_be_copied_and_holds_no_markup() {
        let shown = html("```sh\necho \"<b>\"\n```\n");
        assert!(shown.contains(r#"<code id="code-1">echo &quot;&lt;b&gt;&quot;</code>"#), "{shown}");
        assert!(shown.contains(r#"data-copy="code-1""#), "{shown}");
    }

    #[test]
    fn tables_scroll_by_themselves() {
        let shown = html("| a | b |\n|---|---|\n| 1 | 2 |\n");
        assert!(shown.starts_with(r#"<div class="docs-table" tabindex="0""#), "{shown}");
        assert!(shown.trim_end().ends_with("</table>\n</div>"), "{shown}");
    }

    #[test]
    fn sections_hold_what_is_said_under_their_heading() {
        let sections =
            Page::read("# T\n\nfirst\nline\n\n## K\n\n| a | b |\n|---|---|\n| c | d |\n\n```sh\nls\n```\n")
                .sections();
        let found: Vec<(&str, String)> = sections
            .iter()
            .map(|s| (s.title.as_str(), s.text.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect();
        assert_eq!(found, [("", "first line".to_owned()), ("K", "a b c d ls".to_owned())]);
    }
}
