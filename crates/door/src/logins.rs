//! Log-ins, keys and passwords that tools and browsers leave in a home folder: where they lie, which of them a desktop
//! has, and taking them out of one that becomes a template.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};

/// What one tool keeps, or tools of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Stable, such as `github`.
    pub id: &'static str,
    /// For people, such as `GitHub`.
    pub title: &'static str,
    /// Below a home folder.
    pub(crate) paths: &'static [&'static str],
}

const fn tool(id: &'static str, title: &'static str, paths: &'static [&'static str]) -> Tool {
    Tool { id, title, paths }
}

/// All that is known. What is likeliest there comes first.
pub const TOOLS: &[Tool] = &[
    tool("ssh", "SSH keys", &[".ssh"]),
    tool("gpg", "GnuPG keys", &[".gnupg", ".pki"]),
    tool("git", "Git passwords", &[".git-credentials", ".config/git/credentials", ".netrc"]),
    tool("github", "GitHub", &[".config/gh", ".config/hub", ".config/github-copilot", ".copilot"]),
    tool("gitlab", "GitLab and Gitea", &[".config/glab-cli", ".config/tea"]),
    tool(
        "claude",
        "Claude Code",
        &[
            ".claude/.credentials.json",
            ".claude.json",
            ".claude/history.jsonl",
            ".claude/projects",
            ".claude/shell-snapshots",
            ".claude/todos",
        ],
    ),
    tool("codex", "Codex", &[".codex/auth.json", ".codex/sessions", ".codex/history.jsonl"]),
    tool(
        "gemini",
        "Gemini and Qwen",
        &[
            ".gemini/oauth_creds.json",
            ".gemini/google_accounts.json",
            ".gemini/tmp",
            ".gemini/.env",
            ".qwen/oauth_creds.json",
        ],
    ),
    tool("opencode", "OpenCode", &[".local/share/opencode"]),
    tool(
        "agents",
        "Other agents",
        &[
            ".config/goose/secrets.yaml",
            ".local/share/goose",
            ".local/share/crush",
            ".continue/.env",
            ".aider.chat.history.md",
            ".aider.input.history",
            ".cursor/cli-config.json",
            ".config/cursor/auth.json",
            ".local/share/amp",
            ".config/amp",
            ".local/share/kilocode",
            ".cline/data",
        ],
    ),
    tool(
        "browsers",
        "Browsers' profiles",
        &[
            ".mozilla",
            ".config/chromium",
            ".config/google-chrome",
            ".config/BraveSoftware",
            ".config/microsoft-edge",
            ".config/vivaldi",
            ".config/opera",
        ],
    ),
    tool(
        "editors",
        "Editors",
        &[
            ".config/Code/User/globalStorage/state.vscdb",
            ".config/Code/Cookies",
            ".config/Cursor/User/globalStorage/state.vscdb",
            ".config/Cursor/Cookies",
            ".config/VSCodium/User/globalStorage/state.vscdb",
        ],
    ),
    tool(
        "keyrings",
        "Keyrings and password stores",
        &[
            ".local/share/keyrings",
            ".password-store",
            ".config/op",
            ".config/Bitwarden CLI",
            ".config/sops",
            ".config/age",
            ".age",
            ".vault-token",
        ],
    ),
    tool("aws", "AWS", &[".aws"]),
    tool("gcloud", "Google Cloud", &[".config/gcloud", ".boto"]),
    tool("azure", "Azure", &[".azure"]),
    tool(
        "clouds",
        "Other clouds",
        &[
            ".config/doctl",
            ".config/hcloud",
            ".config/linode-cli",
            ".oci",
            ".bluemix",
            ".aliyun",
            ".fly",
            ".config/fly",
            ".railway/config.json",
            ".config/heroku",
            ".config/netlify",
            ".netlify",
            ".vercel",
            ".local/share/com.vercel.cli",
            ".wrangler",
            ".config/.wrangler",
            ".config/configstore",
            ".supabase",
            ".config/stripe",
            ".config/ngrok",
            ".ngrok2",
            ".cloudflared",
            ".databrickscfg",
            ".snowsql",
            ".snowflake",
        ],
    ),
    tool("kubernetes", "Kubernetes", &[".kube", ".config/helm/registry"]),
    tool("docker", "Docker and Podman", &[".docker", ".config/containers/auth.json"]),
    tool(
        "infrastructure",
        "Terraform and Pulumi",
        &[".terraform.d", ".pulumi/credentials.json", ".config/pulumi"],
    ),
    tool("npm", "npm and Yarn", &[".npmrc", ".yarnrc.yml"]),
    tool(
        "python",
        "PyPI",
        &[".pypirc", ".config/pip/pip.conf", ".pip/pip.conf", ".config/pypoetry/auth.toml"],
    ),
    tool("cargo", "Cargo", &[".cargo/credentials", ".cargo/credentials.toml"]),
    tool(
        "packages",
        "Other package managers",
        &[
            ".gem/credentials",
            ".bundle/config",
            ".m2/settings.xml",
            ".m2/settings-security.xml",
            ".gradle/gradle.properties",
            ".composer/auth.json",
            ".config/composer/auth.json",
            ".nuget/NuGet/NuGet.Config",
            ".subversion/auth",
        ],
    ),
    tool(
        "data",
        "Models and data",
        &[
            ".huggingface/token",
            ".config/wandb",
            ".kaggle",
            ".dbt/profiles.yml",
            ".local/share/jupyter/runtime",
        ],
    ),
    tool("databases", "Databases", &[".pgpass", ".my.cnf"]),
    tool(
        "storage",
        "File transfer",
        &[
            ".config/rclone",
            ".rclone.conf",
            ".s3cfg",
            ".config/filezilla",
            ".lftprc",
            ".local/share/lftp",
            ".smbcredentials",
        ],
    ),
    tool(
        "mail",
        "Mail and chat",
        &[
            ".thunderbird",
            ".msmtprc",
            ".mbsyncrc",
            ".fetchmailrc",
            ".config/evolution",
            ".local/share/evolution",
            ".config/Slack",
            ".config/Signal",
            ".config/discord",
        ],
    ),
    tool(
        "remote",
        "Remote desktops and networks",
        &[".config/remmina", ".local/share/remmina", ".vnc/passwd", ".config/tailscale"],
    ),
];

/// One tool's, in one desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub tool: Tool,
    /// Whole paths, at most [`MOST_PATHS`].
    pub paths: Vec<String>,
}

/// Of each tool this many are told; whether there are more is no matter.
const MOST_PATHS: usize = 20;
const LONGEST_PATH: usize = 300;
const LIMITS: ExecLimits = ExecLimits { max_output: 256 * 1024, timeout: Duration::from_secs(30) };
/// Takes lines of a tool and a path, and gives those that are there, with a tab between.
const COMMAND: &str = r#"sudo -n sh -c 'while read -r tool path; do for home in /root /home/*; do
[ "$home" = /home/rolltop ] && continue
[ -e "$home/$path" ] || [ -L "$home/$path" ] || continue
# A folder with nothing in it but who may enter holds no log-in.
if [ ! -d "$home/$path" ] || ls -A "$home/$path" | grep -qv "^authorized_keys"; then printf "%s\t%s\n" "$tool" "$home/$path"; fi
done; done' logins"#;

impl Door {
    /// Which of [`TOOLS`] have something in a home folder. The guest says so, which may be anything.
    pub async fn logins(&self) -> Result<Vec<Found>, ExecError> {
        let wanted: String = TOOLS
            .iter()
            .flat_map(|tool| tool.paths.iter().map(move |path| format!("{} {path}\n", tool.id)))
            .collect();
        let output = self.exec(COMMAND, wanted.into_bytes(), LIMITS).await?;
        Ok(found(&String::from_utf8_lossy(&output.stdout)))
    }
}

fn found(answer: &str) -> Vec<Found> {
    let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, path) in answer.lines().filter_map(|line| line.split_once('\t')) {
        let is_path = path.starts_with('/') && path.len() <= LONGEST_PATH && !path.contains(char::is_control);
        let of_tool = paths.entry(id).or_default();
        if is_path && of_tool.len() < MOST_PATHS {
            of_tool.push(path.to_owned());
        }
    }
    let tools = TOOLS.iter().filter_map(|tool| Some(Found { tool: *tool, paths: paths.remove(tool.id)? }));
    tools.filter(|found| !found.paths.is_empty()).collect()
}

/// Lines of a shell that remove, below the folder it is in, all that is known but what is kept.
pub(crate) fn removal(keep: &[String]) -> String {
    let mut lines = String::new();
    for tool in TOOLS.iter().filter(|tool| !keep.iter().any(|kept| kept == tool.id)) {
        lines.push_str("  gone");
        for path in tool.paths {
            lines.push_str(&format!(" '{path}'"));
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_an_id_of_its_own_and_paths_that_a_shell_takes() {
        let mut ids: Vec<&str> = TOOLS.iter().map(|tool| tool.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), TOOLS.len());
        let mut paths: Vec<&str> = TOOLS.iter().flat_map(|tool| tool.paths.iter().copied()).collect();
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count, "a path twice could be kept and removed");
        assert!(paths.iter().all(|path| path.starts_with('.') && !path.contains(['\'', '\n', '*'])));
        assert!(TOOLS.iter().all(|tool| !tool.id.contains(' ')));
    }

    #[test]
    fn what_the_guest_says_is_held_to_what_is_known() {
        let answer = "github\t/home/desk/.config/gh\nnobody\t/etc/passwd\ngithub\trelative\naws\t/home/desk/\u{1b}[31m\n\
                      ssh\t/root/.ssh\nssh\t/home/desk/.ssh\nnothing";
        let told: Vec<_> = found(answer).into_iter().map(|found| (found.tool.id, found.paths)).collect();
        let ssh = vec!["/root/.ssh".to_owned(), "/home/desk/.ssh".to_owned()];
        assert_eq!(told, [("ssh", ssh), ("github", vec!["/home/desk/.config/gh".to_owned()])]);
        let many = "ssh\t/home/desk/.ssh\n".repeat(1000);
        assert_eq!(found(&many)[0].paths.len(), MOST_PATHS);
    }

    #[test]
    fn what_is_kept_is_not_removed() {
        let all = removal(&[]);
        assert!(all.contains("'.config/gh'") && all.contains("'.aws'"));
        let kept = removal(&["github".to_owned()]);
        assert!(!kept.contains("'.config/gh'") && kept.contains("'.aws'"));
    }
}
