//! Lists of things, as tables, and what is shown where there is nothing to list.

use maud::{Markup, html};

use super::mark;
use crate::language::Language;

/// A column's heading, by its key, and how it is set. That of a column of menus has none: it is only read out.
pub(crate) type Column = (&'static str, Option<&'static str>);

/// The column of menus.
pub(crate) const MENUS: Column = ("", Some("last"));

pub(crate) fn table(language: Language, class: &str, columns: &[Column], rows: &Markup) -> Markup {
    html! {
        div.table-frame {
            table class={ "desktop-table " (class) } {
                thead {
                    tr {
                        @for (heading, class) in columns {
                            th class=[class] scope="col" {
                                @if heading.is_empty() { span.visually-hidden { (language.say("column-actions")) } }
                                @else { (language.say(heading)) }
                            }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

/// Where there is nothing yet: what there could be, and the way to it. Its words are `PREFIX-title` and `PREFIX-text`.
pub(crate) fn empty(language: Language, prefix: &str, way: &Markup) -> Markup {
    html! {
        div.empty-state {
            (mark())
            h2 { (language.say(&format!("{prefix}-title"))) }
            p { (language.say(&format!("{prefix}-text"))) }
            (way)
        }
    }
}
