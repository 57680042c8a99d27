//! How to enter one desktop with one's own SSH client, and what it has to show.

use maud::{Markup, html};
use rolltop_api_types::DesktopSsh;

use crate::components::control::{Tone, copyable};
use crate::components::layout::link_button;
use crate::language::Language;

pub(crate) fn section(language: Language, ssh: &DesktopSsh, host: &str) -> Markup {
    html! {
        section.panel-section {
            h2 { (language.say("ssh")) }
            @match &ssh.jump {
                Some(jump) => {
                    p { (language.say("ssh-how")) }
                    (copyable(language, "ssh-command", &language.say("ssh-command"), &format!("ssh -J {}@{host}:{} {}@{}", jump.user, jump.port, ssh.user, ssh.name)))
                    dl.facts {
                        @if let Some(fingerprint) = &ssh.fingerprint { dt { (language.say("ssh-host-key")) } dd.mono { (fingerprint) } }
                        dt { (language.say("ssh-jump-key")) } dd.mono { (jump.fingerprint) }
                    }
                },
                None => p { (language.say("ssh-no-jump")) },
            }
            (link_button(Tone::Plain, "/ssh-keys", &language.say("ssh-keys")))
        }
    }
}
