# rolltop is the door, desk the one who works here. Neither has a password; both may do anything.
groupadd --system rolltop
useradd --system --create-home --home-dir /home/rolltop --gid rolltop --shell /bin/bash rolltop
useradd --create-home --uid 1000 --user-group --shell /bin/bash --comment Desk desk
usermod --append --groups adm,systemd-journal desk
# A star is "no password", where an exclamation mark would be "locked" and keep keys out too.
usermod --password '*' rolltop
usermod --password '*' desk
chmod 0750 /home/desk /home/rolltop
chmod 0440 /etc/sudoers.d/rolltop
visudo --check --quiet
