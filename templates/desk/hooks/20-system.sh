# Empty rather than absent: the first boot writes one, and is not taken for an installation.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime
# A machine that is halted and not off would stand there for good.
ln -sf /usr/lib/systemd/system/poweroff.target /etc/systemd/system/halt.target
# The kernel comes from outside, so a newer one in here would only miss its modules.
dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' 'linux-image-*' \
    | awk '$1 == "ii" { print $2 }' | xargs apt-mark hold > /dev/null
mkdir -p /run/sshd
# The penalties this exempts from came with OpenSSH 9.8, and an older one refuses the word.
sshd -t 2> /dev/null || rm /etc/ssh/sshd_config.d/20-penalties.conf
sshd -t
# Drawn for screens this one is not, and twice the size of everything else.
rm -rf /usr/share/icons/elementary-xfce-hidpi
# xfwm4 adds "(on NAME)" to the title of a window that says another machine's name than it knew when it began: to all,
# in a desktop that was forked or renamed since. No setting ends that, so what it puts there ends before it.
[ "$(grep -aoF '%s (on %s)' /usr/bin/xfwm4 | wc -l)" -eq 1 ]
sed -i 's/%s (on %s)/%s\x00(on %s)/' /usr/bin/xfwm4
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /var/log/apt
