# Made once here rather than in every desktop.
fc-cache --system-only
for theme in /usr/share/icons/elementary-xfce /usr/share/icons/Adwaita /usr/share/icons/hicolor; do
    gtk-update-icon-cache --quiet --force "$theme" || true
done
update-desktop-database --quiet || true
runuser -u desk -- env HOME=/home/desk LANG=C.UTF-8 xdg-user-dirs-update
