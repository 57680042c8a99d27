//! Taking out of a desktop what nobody else is to have, before it becomes a template.

use std::time::Duration;

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::complaint;

const LIMITS: ExecLimits = ExecLimits { max_output: 16 * 1024, timeout: Duration::from_secs(300) };
const COMMAND: &str = "sudo -n sh -s";
/// Ends whatever the desk's user runs, then removes histories, keys, passwords, browsers' profiles, logs and
/// caches. What is small and secret is written over first: a disk gives back whole clusters only.
const SCRIPT: &str = r#"set -u
systemctl stop rolltop-session.service rolltop-screen.service 2>/dev/null
for user in $(ls /home); do
  [ "$user" = rolltop ] || pkill -KILL -u "$user" 2>/dev/null
done
systemctl stop cron.service systemd-journald.socket systemd-journald.service 2>/dev/null

gone() {
  for path in "$@"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    find "$path" -xdev -type f -size -1024k -exec shred -n 0 -z -- {} + 2>/dev/null
    rm -rf --one-file-system -- "$path"
  done
}
for home in /root /home/*; do
  [ "$home" = /home/rolltop ] && continue
  cd "$home" || continue
  gone .ssh .gnupg .netrc .git-credentials .config/git/credentials .pgpass .my.cnf .vault-token .pypirc .npmrc \
    .aws .azure .kube .docker .config/gcloud .config/gh .config/rclone .config/doctl .config/hub .config/op \
    .cargo/credentials .cargo/credentials.toml .terraform.d .password-store .local/share/keyrings \
    .mozilla .config/chromium .config/google-chrome .config/BraveSoftware .config/microsoft-edge .config/Slack .thunderbird \
    .bash_history .zsh_history .python_history .node_repl_history .sqlite_history .psql_history .mysql_history .lesshst .viminfo \
    .wget-hsts .local/state .local/share/recently-used.xbel .local/share/Trash .cache .xsession-errors .Xauthority .ICEauthority \
    .dbus .pki
  # agents
  gone .claude/.credentials.json .claude.json .claude/history.jsonl .claude/projects .claude/shell-snapshots .claude/todos \
    .codex/auth.json .codex/sessions .codex/history.jsonl .gemini/oauth_creds.json .gemini/google_accounts.json .gemini/tmp .gemini/.env \
    .qwen/oauth_creds.json .copilot .config/github-copilot .local/share/opencode .config/goose/secrets.yaml .local/share/goose \
    .local/share/crush .continue/.env .aider.chat.history.md .aider.input.history .cursor/cli-config.json .config/cursor/auth.json \
    .local/share/amp .config/amp .local/share/kilocode .cline/data
  # tools that keep a token or a password in a file
  gone .config/glab-cli .config/tea .config/containers/auth.json .config/helm/registry .config/ngrok .ngrok2 .cloudflared .fly .config/fly \
    .railway/config.json .config/netlify .netlify .vercel .local/share/com.vercel.cli .wrangler .config/.wrangler .config/configstore \
    .config/stripe .supabase .config/hcloud .config/linode-cli .oci .bluemix .aliyun .boto .s3cfg .rclone.conf .huggingface/token \
    .config/wandb .kaggle .gem/credentials .bundle/config .m2/settings.xml .m2/settings-security.xml .gradle/gradle.properties \
    .composer/auth.json .config/composer/auth.json .config/pip/pip.conf .pip/pip.conf .yarnrc.yml .config/pypoetry/auth.toml \
    .nuget/NuGet/NuGet.Config .subversion/auth .config/sops .config/age .age .pulumi/credentials.json .config/pulumi \
    .local/share/jupyter/runtime .local/share/direnv .config/heroku .databrickscfg .snowsql .snowflake .dbt/profiles.yml \
    .msmtprc .mbsyncrc .fetchmailrc .config/evolution .local/share/evolution .config/Signal ".config/Bitwarden CLI" .config/remmina \
    .local/share/remmina .vnc/passwd .smbcredentials .config/filezilla .lftprc .local/share/lftp .config/tailscale \
    .config/Code/User/globalStorage/state.vscdb .config/Code/Cookies .config/Cursor/User/globalStorage/state.vscdb .config/Cursor/Cookies \
    .config/VSCodium/User/globalStorage/state.vscdb .config/vivaldi .config/opera .config/discord \
    .rediscli_history .dbshell .mycli-history .pgcli_history .local/share/fish/fish_history .zhistory .histfile .irb_history .ghc/ghci_history
done
cd /
gone /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/systemd/coredump /var/lib/rolltop/exec \
  /var/lib/dhcpcd /var/lib/NetworkManager /var/crash /var/backups /var/spool/cron/crontabs /etc/wireguard /etc/openvpn/client /etc/ppp/chap-secrets /etc/ppp/pap-secrets \
  /var/lib/tailscale /var/lib/zerotier-one
find /var/log /run/log -xdev -type f -exec shred -n 0 -z -u -- {} + 2>/dev/null
find /tmp /var/tmp /var/cache/apt /var/lib/apt/lists -xdev -mindepth 1 -delete 2>/dev/null
sync
fstrim / 2>/dev/null
sync
exit 0
"#;

#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    #[error("the guest program did not run")]
    Exec(#[from] ExecError),
    /// The guest's own sentence, made safe to show.
    #[error("the guest could not be cleaned: {0}")]
    Guest(String),
}

impl Door {
    /// Ends what runs in a desktop and removes what is personal. The desktop is of no use afterwards but as a template.
    pub async fn clean(&self) -> Result<(), CleanError> {
        let output = self.exec(COMMAND, SCRIPT.as_bytes().to_vec(), LIMITS).await?;
        if output.succeeded() { Ok(()) } else { Err(CleanError::Guest(complaint(&output))) }
    }
}
