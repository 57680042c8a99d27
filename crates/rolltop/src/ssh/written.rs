//! What is written for an SSH client: pure text.

use std::path::{Path, PathBuf};

use rolltop_api_types::{DesktopSsh, JumpHost};

use crate::failure::{Exit, Failure};

/// A person's own and the machine's configuration, after ours.
pub const OWN_CONFIGURATION: &str = "Host *\n    Include ~/.ssh/config\n    Include /etc/ssh/ssh_config\n";
const INCLUDE: &str = "Include rolltop/*.conf";
const HEAD: &str = "# Written by rolltop, and written anew each time.\n";

/// The name that a desktop goes by here.
pub fn host_of(name: &str) -> String {
    format!("{name}.rolltop")
}

pub struct Written {
    /// The machine the jump host is on.
    host: String,
    jump: Option<JumpHost>,
    desktops: Vec<DesktopSsh>,
    /// The private key's file, where one is chosen.
    identity: Option<PathBuf>,
}

impl Written {
    /// Everything that comes from the server is checked, since an SSH client obeys what it reads.
    pub fn new(host: &str, desktops: &[DesktopSsh], identity: Option<PathBuf>) -> Result<Self, Failure> {
        let jump = desktops.iter().find_map(|ssh| ssh.jump.clone());
        if jump.is_none() && !desktops.is_empty() {
            let detail = "No jump host runs on this server; its operator has to start rolltopd ssh.";
            return Err(Failure::new(Exit::Unreachable, "no_jump_host", detail));
        }
        let keys = desktops.iter().map(|ssh| ssh.host_key.as_deref());
        for key in keys.chain(jump.iter().map(|jump| Some(jump.host_key.as_str()))) {
            let Some(key) = key else {
                let detail = "The desktop has no host key yet; wait until it runs.";
                return Err(Failure::new(Exit::Conflict, "no_host_key", detail));
            };
            checked(key, |c| c.is_ascii_alphanumeric() || " -+/=@.".contains(c))?;
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        for ssh in desktops {
            checked(&ssh.name, is_word)?;
            checked(&ssh.user, is_word)?;
        }
        if let Some(jump) = &jump {
            checked(&jump.user, is_word)?;
        }
        if let Some(path) = &identity {
            // It is written between quotes.
            checked(&path.to_string_lossy(), |c| !c.is_control() && c != '"')?;
        }
        Ok(Self { host: host.to_owned(), jump, desktops: desktops.to_vec(), identity })
    }

    pub fn config(&self, known_hosts: &Path) -> String {
        let mut text = HEAD.to_owned();
        let Some(jump) = &self.jump else { return text };
        let trust = format!(
            "    UserKnownHostsFile \"{}\"\n    GlobalKnownHostsFile none\n    StrictHostKeyChecking yes\n    UpdateHostKeys no\n",
            known_hosts.display()
        );
        let identity = self.identity.as_ref();
        let identity =
            identity.map(|path| format!("    IdentityFile \"{}\"\n", path.display())).unwrap_or_default();
        let trust = format!("{identity}{trust}");
        let jump_name = self.jump_name(jump);
        text.push_str(&format!(
            "Host {jump_name}\n    HostName {}\n    Port {}\n    User {}\n{trust}\n",
            self.host, jump.port, jump.user
        ));
        for ssh in &self.desktops {
            text.push_str(&format!(
                "Host {} {}\n    HostName {}\n    Port 22\n    User {}\n    HostKeyAlias {}\n    ProxyJump {jump_name}\n{trust}\n",
                host_of(&ssh.name),
                host_of(&ssh.id.to_string()),
                ssh.id,
                ssh.user,
                ssh.id,
            ));
        }
        text
    }

    pub fn known_hosts(&self) -> String {
        let mut text = HEAD.to_owned();
        if let Some(jump) = &self.jump {
            let name =
                if jump.port == 22 { self.host.clone() } else { format!("[{}]:{}", self.host, jump.port) };
            text.push_str(&format!("{name} {}\n", jump.host_key));
        }
        for ssh in &self.desktops {
            if let Some(key) = &ssh.host_key {
                text.push_str(&format!("{} {key}\n", ssh.id));
            }
        }
        text
    }

    fn jump_name(&self, jump: &JumpHost) -> String {
        let host: String = self.host.chars().map(|c| if c == ':' { '-' } else { c }).collect();
        format!("{host}-{}.jump.rolltop", jump.port)
    }
}

fn checked(text: &str, is_right: impl Fn(char) -> bool) -> Result<(), Failure> {
    if !text.is_empty() && text.chars().all(is_right) {
        return Ok(());
    }
    let detail = "The server's answer has characters that an SSH configuration may not have.";
    Err(Failure::new(Exit::Failed, "answer", detail))
}

/// A configuration with the line that includes ours; `None` where it is there already.
pub fn include_line(text: &str) -> Option<String> {
    if text.lines().any(|line| line.trim() == INCLUDE) {
        return None;
    }
    let gap = if text.is_empty() { "" } else { "\n" };
    Some(format!("{INCLUDE}\n{gap}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_model::DesktopId;

    fn research() -> DesktopSsh {
        DesktopSsh {
            id: DesktopId::from_u128(7),
            name: "research".into(),
            user: "desk".into(),
            host_key: Some("ssh-ed25519 AAAAdesk".into()),
            fingerprint: None,
            jump: Some(JumpHost {
                user: "rolltop".into(),
                port: 2222,
                host_key: "ssh-ed25519 AAAAjump".into(),
                fingerprint: "SHA256:x".into(),
            }),
        }
    }

    #[test]
    fn a_client_is_told_whom_it_speaks_to() {
        let written = Written::new("desk.example.org", &[research()], None).unwrap();
        let id = DesktopId::from_u128(7);
        let known =
            format!("{HEAD}[desk.example.org]:2222 ssh-ed25519 AAAAjump\n{id} ssh-ed25519 AAAAdesk\n");
        assert_eq!(written.known_hosts(), known);
        let config = written.config(Path::new("/k h"));
        assert!(config.contains(
            "Host desk.example.org-2222.jump.rolltop\n    HostName desk.example.org\n    Port 2222\n"
        ));
        assert!(config.contains(&format!("Host research.rolltop {id}.rolltop\n    HostName {id}\n")));
        assert_eq!(config.matches("StrictHostKeyChecking yes").count(), 2);
        assert_eq!(config.matches("UserKnownHostsFile \"/k h\"").count(), 2);
    }

    #[test]
    fn an_answer_that_would_write_more_than_a_line_is_refused() {
        let odd = |change: &dyn Fn(&mut DesktopSsh)| {
            let mut ssh = research();
            change(&mut ssh);
            Written::new("h", &[ssh], None).is_err()
        };
        assert!(odd(&|ssh| ssh.name = "a\n    ProxyCommand touch /tmp/x".into()));
        assert!(odd(&|ssh| ssh.user = "a b".into()) && !odd(&|_| {}));
        let identity = |path: &str| Written::new("h", &[research()], Some(path.into()));
        let config = identity("/home/sam/my key").unwrap().config(Path::new("/k"));
        assert_eq!(config.matches("    IdentityFile \"/home/sam/my key\"\n").count(), 2);
        assert!(identity("/a\"\nb").is_err());
        assert!(odd(&|ssh| ssh.host_key = Some("k\nevil k".into())));
        assert!(odd(&|ssh| ssh.host_key = None));
        assert!(odd(&|ssh| ssh.jump = None));
    }

    #[test]
    fn the_line_is_added_once_and_at_the_top() {
        assert_eq!(include_line("").as_deref(), Some("Include rolltop/*.conf\n"));
        let once = include_line("Host a\n    User b\n").unwrap();
        assert_eq!(once, "Include rolltop/*.conf\n\nHost a\n    User b\n");
        assert_eq!(include_line(&once), None);
    }
}
