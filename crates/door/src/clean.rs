//! Taking out of a desktop what nobody else is to have, before it becomes a template.

use std::time::Duration;

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::complaint;
use crate::logins::removal;

const LIMITS: ExecLimits = ExecLimits { max_output: 16 * 1024, timeout: Duration::from_secs(300) };
const COMMAND: &str = "sudo -n sh -s";
/// Where the lines that remove log-ins go.
const LOGINS: &str = "@LOGINS@";
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
@LOGINS@  gone .bash_history .zsh_history .python_history .node_repl_history .sqlite_history .psql_history .mysql_history \
    .rediscli_history .dbshell .mycli-history .pgcli_history .local/share/fish/fish_history .zhistory .histfile .irb_history \
    .ghc/ghci_history .lesshst .viminfo .wget-hsts .local/state .local/share/recently-used.xbel .local/share/Trash \
    .local/share/direnv .cache .xsession-errors .Xauthority .ICEauthority .dbus
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
    /// Ends what runs in a desktop and removes what is personal, but the log-ins of the tools in `keep`, by their ids. The
    /// desktop is of no use afterwards but as a template.
    pub async fn clean(&self, keep: &[String]) -> Result<(), CleanError> {
        let script = SCRIPT.replacen(LOGINS, &removal(keep), 1);
        let output = self.exec(COMMAND, script.into_bytes(), LIMITS).await?;
        if output.succeeded() { Ok(()) } else { Err(CleanError::Guest(complaint(&output))) }
    }
}
