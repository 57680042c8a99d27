groupadd --system rolltop
useradd --system --create-home --home-dir /home/rolltop --gid rolltop --shell /bin/bash rolltop
useradd --create-home --uid 1000 --user-group --shell /bin/bash desk
# A star is "no password", where an exclamation mark would be "locked" and keep keys out too.
usermod --password '*' rolltop
usermod --password '*' desk
chmod 0440 /etc/sudoers.d/rolltop
visudo --check --quiet
mkdir -p /run/sshd
sshd -t
