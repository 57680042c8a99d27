//! One of the sizes, to be chosen.

use maud::{Markup, html};
use rolltop_model::Size;

use crate::language::Language;
use crate::view;

/// With its processors and its memory in MiB, and what else is to be said of it.
pub(crate) fn choice(
    language: Language,
    id: &str,
    size: Size,
    (vcpus, memory_mib): (u32, u64),
    chosen: bool,
    more: &Markup,
) -> Markup {
    let memory = view::bytes(language, memory_mib.saturating_mul(1 << 20));
    html! {
        label.choice {
            input type="radio" name="size" id=(id) value=(size) checked[chosen];
            span.title { (language.say(&format!("size-{size}"))) }
            span.detail { (language.say_with("size-processors", &[("vcpus", &vcpus.to_string())])) }
            span.detail { (language.say_with("size-memory", &[("memory", &memory)])) }
            (more)
        }
    }
}
