product = Rolltop
language-name = Français
decimal-point = ,
unit-b = o
unit-kib = Kio
unit-mib = Mio
unit-gib = Gio
unit-tib = Tio

## Frame
skip-to-content = Aller au contenu
reconnecting = Reconnexion…
connection-unsent = Reconnexion… D’ici là, ce que vous tapez n’est pas envoyé.
connection-ended = Le programme qui dessine l’écran s’est arrêté et redémarre. D’ici là, ce que vous tapez n’est pas envoyé.
connection-refused = Le programme qui dessine l’écran de ce bureau envoie ce qu’aucun écran ne peut envoyer : il n’est donc pas affiché. Si vous n’avez pas remplacé ce programme, redémarrez le bureau.
connection-silent = Pas de réponse. D’ici là, ce que vous tapez n’est pas envoyé.
rail-label = Principal
rail-home = Rolltop, tous les bureaux
rail-desktops = Bureaux
rail-snapshots = Instantanés
rail-keys = Clés
rail-host = Hôte
rail-docs = Aide
crumbs-label = Où vous êtes
close = Fermer
cancel = Annuler
dismiss = Fermer
toasts-label = Messages
none = aucune
copied = Copié.
copy-what = Copier : { $what }
theme = Couleurs
theme-light = Claires
theme-dark = Sombres
theme-system = Comme le système
language = Langue
account-of = Compte de { $name }
account-unnamed = Propriétaire
account-password = Nom et mot de passe
sign-in = Se connecter
sign-out = Se déconnecter

## Command palette
palette-open = Chercher et lancer
palette-hint = Chercher
palette-keys = Ctrl K
palette-keys-choice = Ctrl K ouvre la recherche
palette-placeholder = Aller à un bureau ou lancer une action
palette-empty = Rien ne correspond.
palette-actions = Actions
palette-places = Aller à
palette-account = Compte
run-start = Démarrer { $name }
run-stop = Arrêter { $name }
run-suspend = Suspendre { $name }
run-resume = Reprendre { $name }
run-fork = Dupliquer { $name }
run-snapshot = Prendre un instantané de { $name }
run-restart = Redémarrer { $name }
run-retry = Réessayer { $name }
run-end-processes = Terminer ce qui tourne dans { $name }
run-rename = Renommer { $name }
run-delete = Supprimer { $name }

## Signing in
sign-in-title = Se connecter à Rolltop
sign-in-wrong = Ce nom et ce mot de passe ne vont pas ensemble. Vérifiez les deux et réessayez.
sign-in-lost = Pas encore de mot de passe, ou perdu ? Demandez un lien à usage unique à l’opérateur.
field-name = Nom
field-password = Mot de passe
field-present-password = Mot de passe actuel
field-new-password = Nouveau mot de passe
field-again = Encore une fois
welcome-title = Bienvenue sur Rolltop
welcome-text = Ce lien vous connecte une seule fois, dans ce navigateur.
welcome-go = Se connecter
welcome-used-title = Ce lien ne fonctionne plus
welcome-used-help = L’opérateur peut en faire un autre avec rolltopd admin sign-in-link.
password-first-title = Choisissez comment vous connecter
password-first-text = Désormais, vous vous connectez avec ce nom et ce mot de passe.
password-first-go = Continuer
password-change = Changer
password-hint = Au moins 10 caractères. Quelques mots au hasard font l’affaire.
password-differs = Les deux mots de passe ne sont pas les mêmes.

## Desktops
count-desktops = { $count ->
    [one] { $count } bureau
   *[other] { $count } bureaux
}
count-found = { $found } sur { $count ->
    [one] { $count } bureau
   *[other] { $count } bureaux
}
new-desktop = Nouveau bureau
create = Créer le bureau
created = { $name } est en préparation.
list-more = En montrer plus
filter-state = État
filter-all = Tous
filter-running = En marche
filter-suspended = En veille
filter-stopped = Arrêtés
filter-failed = En échec
filter-text = Nom ou étiquette
view-label = Vue
view-cards = Cartes
view-table = Tableau
empty-title = Pas encore de bureau
empty-text = Un bureau est un ordinateur Linux à part entière, avec un écran que vous voyez et utilisez d’ici. Il est là en quelques secondes.
no-match-title = Rien ne correspond
no-match-text = Aucun bureau ne répond à tous ces critères.
no-match-clear = Tout montrer
column-screen = Écran
column-name = Nom
column-state = État
column-template = Modèle
column-size = Taille
column-memory = Mémoire
column-disk = Disque
column-age = Créé
sorted-up = trié, croissant
sorted-down = trié, décroissant
column-actions = Actions
column-version = Version
column-baked = Démarre en secondes
column-built = Construit
size-short = { $size } · { $vcpus } vCPU · { $memory }
size-s = Petit
size-m = Moyen
size-l = Grand
size-processors = { $vcpus } processeurs
size-memory = { $memory } de mémoire
size-disk = { $disk } Gio de disque
speed-fork = Là en secondes
speed-boot = Démarre à froid
name-hint = Aussi son nom d’hôte. Laissez vide et un nom est choisi.
rename-hint = Le nom d’hôte à l’intérieur suit au prochain démarrage.
no-templates = Il n’y a pas encore de modèle. L’opérateur en construit un avec rolltopd template build.
screen-of = Écran de { $name }
actions-of = Actions pour { $name }

## States
state-pending = En attente
state-booting = Démarre
state-running = En marche
state-stopping = S’arrête
state-suspending = Suspension
state-suspended = Suspendu
state-stopped = Arrêté
state-failed = En échec
state-destroying = Suppression
step-fork = Dupliqué
step-start = Démarré
step-resume = Repris
step-door = Porte ouverte
step-personalise = Personnalisé
step-screen = Écran
step-status-waiting = à venir
step-status-running = en cours
step-status-done = fait
step-status-failed = en échec
reason-unknown = Il n’a pas pu démarrer. La console en dit peut-être plus.

## Actions
action-start = Démarrer
action-stop = Arrêter
action-suspend = Suspendre
action-resume = Reprendre
action-fork = Dupliquer
action-snapshot = Instantané
action-restart = Redémarrer
action-retry = Réessayer
action-end-processes = Terminer ce qui tourne
action-rename = Renommer
action-delete = Supprimer
confirm-stop = Arrêter le bureau
confirm-restart = Redémarrer le bureau
confirm-end-processes = Terminer ce qui tourne
confirm-rename = Renommer
confirm-delete = Supprimer le bureau
confirm-snapshot = Prendre l’instantané
ask-stop = Arrêter { $name } ?
ask-restart = Redémarrer { $name } ?
ask-end-processes = Terminer ce qui tourne dans { $name } ?
ask-rename = Renommer { $name }
ask-delete = Supprimer { $name } ?
ask-snapshot = Prendre un instantané de { $name }
warn-stop = Il est éteint et ses programmes se terminent. Son disque reste tel quel ; le redémarrer prend le temps d’un démarrage à froid. Ce qui est en mémoire est gardé un jour, pour pouvoir annuler. Le suspendre garde tout.
warn-restart = Il démarre depuis son disque, qui reste tel quel, et ses programmes se terminent, de même qu’une mémoire suspendue. Ce qui est en mémoire est gardé un jour, pour pouvoir annuler.
warn-end-processes = Toutes les commandes, tous les terminaux, sessions et programmes s’y terminent aussitôt, et ce qu’ils n’avaient pas enregistré est perdu. Son écran recommence ; les services du système et les fichiers restent. On ne peut pas l’annuler.
warn-snapshot = Il garde le bureau tel qu’il est, mémoire comprise ; celui-ci continue.
snapshot-name-hint = Laissez vide et l’heure lui donne son nom.
warn-stop-for-good = Il est éteint et ses programmes se terminent. Son disque reste tel qu’il est ; le redémarrer prend le temps d’un démarrage à froid. Ce qui est en mémoire est perdu.
warn-restart-for-good = Il démarre depuis son disque, qui reste tel qu’il est, et ses programmes se terminent. Ce qui est en mémoire est perdu.
warn-delete = Ceci aura disparu :
warn-delete-disk = son disque, avec tous ses fichiers
warn-delete-disk-of = son disque, avec tous ses fichiers ({ $amount } écrits)
warn-delete-programs = sa mémoire, avec tous ses programmes
warn-delete-kept = Il est gardé un jour comme instantané et peut être rétabli jusque-là.
warn-bulk-delete-kept = Ils sont gardés un jour comme instantanés et peuvent être rétablis jusque-là.
delete-for-good = Supprimer pour de bon, tout de suite : les clés partent d’abord, sans retour
done-start = { $name } démarre.
done-stop = { $name } s’arrête.
done-suspend = { $name } est en cours de suspension.
done-resume = { $name } reprend.
done-fork = Le double { $name } est en préparation.
done-snapshot = Un instantané de { $name } est en cours.
done-restart = { $name } redémarre.
done-end-processes = Ce qui tournait dans { $name } est terminé.
done-retry = Nouvel essai pour { $name }.
done-rename = Renommé en { $name }.
done-delete = { $name } est en cours de suppression.
desktop-gone = { $name } est supprimé, et gardé un jour.
done-undo = { $name } est rétabli.
undo = Annuler

## One desktop
panel-label = À propos de ce bureau
panel-toggle = Panneau latéral
panel-resize = Largeur du panneau latéral
panel-wide = Toute la largeur
panel-not-running = Seulement quand le bureau tourne.
stage-pending = Attend son tour
stage-booting = Démarrage
stage-stopping = Arrêt en cours
stage-destroying = Suppression en cours
stage-stopped = Arrêté
stage-suspending = Écriture de sa mémoire
stage-suspended = Suspendu
stage-suspended-text = Programmes, fenêtres et travail non enregistré sont sur le disque tels quels, sans occuper de mémoire.
trouble-suspend = Il n’a pas pu être suspendu et continue de tourner.
stage-stopped-text = Son disque est gardé tel quel. Démarrez-le pour reprendre de là.
stage-failed = Ce bureau est en échec
screen-connecting = Connexion à l’écran…
console-title = Les dernières lignes de sa console
failed-undo = Ce qu’il était avant est conservé, mémoire comprise :
failed-undo-disk = Le disque qu’il avait avant est conservé :
failed-snapshot = Il peut revenir à son dernier instantané, ou être dupliqué à partir de celui-ci :
bar-label = Écran
latency = Le temps que prend une réponse
leave-keys = Ctrl + Alt + Maj
screen-leave = quitte l’écran
terminal-leave = quitte le terminal
bar-keys = Touches
bar-clipboard = Presse-papiers
bar-keyboard = Clavier
bar-scale = Échelle
bar-quality = Qualité
bar-full = Plein écran
key-control = Ctrl
key-alt = Alt
key-delete = Suppr
key-tab = Tab
key-f4 = F4
key-f11 = F11
key-super = Super
key-escape = Échap
key-print = Impr. écran
key-left = Gauche
key-up = Haut
key-down = Bas
key-right = Droite
key-bar = Barre verticale
key-tilde = Tilde
key-slash = Barre oblique
mode-follow = Suivre la fenêtre
mode-fit = Ajuster à la fenêtre
mode-actual = Taille réelle
quality-auto = Automatique
quality-sharp = Nette
quality-balanced = Équilibrée
quality-light = Légère pour le réseau
clipboard-label = Presse-papiers du bureau
clipboard-too-long = Ce texte est trop long pour le presse-papiers d’un bureau : plus de 3 Mio. Enregistrez-le dans un fichier et déposez celui-ci sur l’écran.
clipboard-hint = Ce que vous tapez ici peut être collé dans le bureau ; ce qui y est copié apparaît ici. Copier et coller avec les touches habituelles marche aussi.
tab-terminal = Terminal
terminal-list = Terminaux
terminal-new = Nouveau terminal
terminal-close = Fermer le terminal
terminal-search = Chercher dans ce qui a été affiché
terminal-search-hint = Chercher, puis Entrée
terminal-older = Plus tôt
terminal-newer = Plus tard
terminal-missed = Introuvable
terminal-offer = Un programme sert sur le port
terminal-offer-open = Ouvrir l’aperçu
terminal-ended = Le dernier terminal est terminé.
terminal-again = Ouvrir un terminal
terminal-closed = Le terminal { $name } est fermé.
terminal-ask-close = Terminer ce qui y tourne ?
terminal-warn-close = tourne dans ce terminal et se termine avec lui, sans retour.
terminal-keys = Touches spéciales
tab-files = Fichiers
files-path = Dossier
files-up = Dossier parent
files-home = Dossier personnel
files-hidden = Montrer les fichiers cachés
files-refresh = Actualiser
files-folder = Nouveau dossier
files-upload = Envoyer des fichiers
files-download = Télécharger
files-rename = Renommer
files-move = Déplacer
files-copy = Copier
files-mode = Droits
files-delete = Supprimer
files-close = Retour au dossier
files-save = Enregistrer
files-empty = Rien ici pour l’instant. Déposez des fichiers ou des dossiers pour les envoyer.
files-more = Il y a plus d’entrées que celles affichées ici.
files-uploads = Envois
files-uploading = Progression
files-uploads-count = { $done } sur { $all } téléversés
files-stop-uploads = Tout annuler
files-broken-off = L’envoi s’est interrompu. Réessayez.
files-preview = Fichier
files-text = Texte du fichier
files-picture = L’image de ce fichier
files-pages = Les pages du fichier
files-page = Page { $name }
files-no-preview = Ce type de fichier ne peut pas être affiché ici. Téléchargez-le pour en voir le contenu.
files-copy-name = Copie de { $name }
files-saved = { $name } est enregistré.
files-changed = Le fichier a changé entre-temps : rien n’a été enregistré. Copiez votre texte, puis rouvrez le fichier.
files-resumed = Ce que vous n’aviez pas enregistré de { $name } est revenu.
files-picked = { $name } choisis
files-deleting = Suppression de { $done } sur { $all }
files-moving = Déplacement de { $done } sur { $all }
column-file-size = Taille
column-modified = Modifié
ask-files-folder = Nouveau dossier
ask-files-folder-label = Nom
confirm-files-folder = Créer le dossier
ask-files-rename = Renommer
ask-files-rename-label = Nouveau nom
confirm-files-rename = Renommer
ask-files-copy = Copier
ask-files-copy-label = Nom de la copie
confirm-files-copy = Copier
ask-files-move = Déplacer
ask-files-move-label = Dans le dossier
confirm-files-move = Déplacer
ask-files-mode = Droits
ask-files-mode-label = Droits, en octal
confirm-files-mode = Appliquer
ask-files-delete = Supprimer ?
ask-files-delete-text = Ceci va disparaître, les dossiers avec tout leur contenu. C’est sans retour.
confirm-files-delete = Supprimer
ask-files-replace = Remplacer ?
ask-files-replace-text = Ceci existe déjà et sera remplacé.
confirm-files-replace = Remplacer
ask-files-discard = Abandonner les modifications ?
ask-files-discard-text = Ce que vous avez changé dans ce fichier n’est pas enregistré.
confirm-files-discard = Abandonner
tab-activity = Activité
tab-settings = Réglages
activity-start = Dernier démarrage
activity-ready = Prêt après { $time }.
activity-not-started = Il n’a pas encore été démarré.
activity-history = Historique
activity-access = Entrées de Rolltop
activity-access-text = Chaque fois que Rolltop lui-même est entré, et pourquoi.
activity-access-none = Personne n’est encore entré.
purpose-personalise = L’a personnalisé
purpose-screen = A montré son écran
purpose-screenshot = A pris une image de son écran
purpose-file-read = A lu un fichier
purpose-ssh = A laissé passer une connexion SSH
purpose-ssh-keys = A renouvelé les clés SSH qui l’ouvrent
purpose-terminal = A ouvert ses terminaux
purpose-files = A parcouru ses fichiers
purpose-ports = S’est connecté à ses ports
purpose-exec = A exécuté une commande
purpose-end_processes = A terminé ce qui y tournait
not-supported = Impossible ici
not-supported-memory = Le suspendre, et la veille : le moteur de cet hôte ne sait pas garder la mémoire d’un bureau. Arrêtez-le plutôt.
not-supported-layers = Les instantanés et les doubles : le moteur de cet hôte ne sait pas en faire.
not-supported-images = L’enregistrer comme modèle, l’export et l’import : le moteur de cet hôte ne le sait pas.
settings-about = À propos
settings-name = Nom
settings-delete = Supprimer
settings-delete-text = Il est gardé un jour et peut être rétabli jusque-là ; ou il part tout de suite, pour de bon.
fact-id = Identifiant
fact-processors = Processeurs
fact-own = { $amount } en propre
fact-made = Créé
fact-started = Démarré

## SSH
ssh = SSH
ssh-how = Depuis votre propre terminal, avec une clé de la page Clés SSH. Cela vaut aussi pour scp, sftp et rsync.
ssh-command = Commande SSH
ssh-host-key = Clé d’hôte
ssh-jump-key = Clé du relais
ssh-no-jump = Le relais SSH ne tourne pas pour le moment.
ssh-keys = Clés SSH
ssh-keys-text = Chacune ouvre tous les bureaux, par vos propres ssh, scp et sftp.
ssh-add = Ajouter une clé
ssh-add-title = Ajouter une clé SSH
ssh-remove = Retirer
ssh-empty-title = Pas encore de clé SSH
ssh-empty-text = Avec une clé publique à vous ici, vos propres ssh, scp, sftp et éditeur entrent dans tous les bureaux.
ssh-key-hint = Une ligne, du fichier qui finit en .pub, comme ~/.ssh/id_ed25519.pub. Jamais la clé privée.
ssh-name-hint = Laissez vide et le commentaire de la clé est pris.
ssh-name-problem = Le nom d’une clé a de 1 à 64 caractères.
ssh-too-many = Il y a autant de clés qu’il peut y en avoir. Retirez-en une d’abord.
ssh-never-used = jamais
ssh-ask-remove = Retirer { $name } ?
ssh-warn-remove = Elle n’ouvre plus aucun bureau, et ce qu’elle a d’ouvert est fermé en quelques secondes. Elle peut être ajoutée de nouveau.
ssh-confirm-remove = Retirer la clé
ssh-added = { $name } a été ajoutée.
ssh-removed = { $name } a été retirée.
ssh-in-force = { $count ->
    [one] En vigueur dans { $count } bureau en marche.
   *[other] En vigueur dans { $count } bureaux en marche.
}
ssh-pending = { $count ->
    [one] { $count } bureau ne répond pas encore et suivra dès que possible.
   *[other] { $count } bureaux ne répondent pas encore et suivront dès que possible.
}
ssh-at-next-start = { $count ->
    [one] { $count } à l’arrêt suivra à son prochain démarrage.
   *[other] { $count } à l’arrêt suivront à leur prochain démarrage.
}
field-public-key = Clé publique
column-fingerprint = Empreinte
column-added = Ajoutée
column-used = Dernier usage

## Host
host-running = { $count ->
    [one] { $count } machine en marche
   *[other] { $count } machines en marche
}
host-processors = Processeurs
host-cpus = { $count ->
    [one] { $count } processeur
   *[other] { $count } processeurs
}
host-memory = Mémoire
host-disk = Disque
host-engine = Accélérateur
host-version = { $engine } { $version }
host-uptime = En marche depuis { $time }
host-free = { $amount } libres
of-total = sur { $total }
workspace-disk = Votre espace en a { $used } sur { $limit }
accelerator-kvm-short = KVM
accelerator-tcg-short = Émulation
accelerator-simulated-short = Simulé
accelerator-tcg = KVM n’est pas utilisé.
warning-memories = Certaines mémoires ne peuvent pas être rétablies par cet hôte.
warning-forwarding = Les bureaux n’atteignent peut-être pas Internet.
accelerator-tcg-effect = Les bureaux sont émulés : tout y est, plusieurs fois plus lent.
accelerator-simulated = Ceci est le moteur simulé : il n’y a pas de vraies machines derrière ces bureaux.
templates = Modèles
template-default = Par défaut

## Times
time-now = maintenant
time-minutes = il y a { $count } min
time-hours = il y a { $count } h
time-days = { $count ->
    [one] il y a { $count } jour
   *[other] il y a { $count } jours
}
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}

## Errors
error-home = Tous les bureaux
error-sign-in-title = Vous n’êtes pas connecté
error-sign-in-text = Connectez-vous et réessayez.
error-between = Un intermédiaire entre ce navigateur et Rolltop, par exemple un proxy, a répondu à sa place (statut { $status }). Réessayez ; si cela persiste, prévenez qui s’en occupe.
error-too-large-between = Un intermédiaire entre ce navigateur et Rolltop, par exemple un proxy, n’accepte pas une demande aussi grande (statut { $status }). Qui s’en occupe peut relever sa limite.
error-malformed-title = La demande ne suit pas HTTP
error-malformed-text = La demande s’est interrompue ou ne peut être lue, donc rien n’a été fait. Envoyez-la de nouveau.
error-cross-site-title = Cela ne vient pas d’ici
error-cross-site-text = La demande ne vient pas d’une page de Rolltop, donc rien n’a été fait. Ouvrez Rolltop et réessayez là.
error-not-found-title = Il n’y a rien ici
error-not-found-text = Cela a peut-être été supprimé, ou l’adresse contient une faute.
error-refused-title = Cela n’a pas marché
error-unavailable-title = Rolltop ne répond pas
error-unavailable-text = Il redémarre peut-être. Les bureaux continuent de tourner ; réessayez dans un instant.

## API keys
done = Terminé
api-keys = Clés d’API
api-keys-text = Pour les programmes et la ligne de commande. Chacune ne peut que ce qui est écrit ici.
api-make = Nouvelle clé d’API
api-make-title = Nouvelle clé d’API
api-empty-title = Pas encore de clé d’API
api-empty-text = Avec une clé, un programme ou la ligne de commande utilise les bureaux comme vous le feriez, et pas plus loin que vous ne le dites.
api-name-hint = À quoi elle sert, pour la reconnaître, par exemple build de nuit.
api-name-problem = Le nom d’une clé a de 1 à 64 caractères.
api-no-scopes = Choisissez au moins une chose qu’elle peut faire.
problem-unknown_desktop = Ce bureau n’existe pas.
api-too-many = Il y a autant de clés qu’il peut y en avoir. Révoquez-en une d’abord.
api-reach = Valable pour
api-all-desktops = Tous les bureaux
api-only = Seulement
api-only-gone = Seulement un bureau qui n’est plus
api-never-expires = jamais
api-expired = expirée
api-life-7 = Dans 7 jours
api-life-30 = Dans 30 jours
api-life-90 = Dans 90 jours
api-life-365 = Dans un an
api-life-0 = Jamais
api-made = { $name } est prête
api-once = Copiez la clé maintenant. Elle est montrée cette seule fois et ne peut plus être retrouvée.
api-token = Clé d’API
api-how = Envoyez-la en Authorization: Bearer, ou donnez-la à rolltop login --api-key. Gardez-la comme un mot de passe.
api-revoke = Révoquer
api-ask-revoke = Révoquer { $name } ?
api-warn-revoke = Les programmes qui l’utilisent sont refusés dès lors, et ce qu’ils ont d’ouvert est fermé en quelques secondes. Les clés, clés SSH et liens qu’elle a faits finissent avec elle. Il n’y a pas de retour ; faites une nouvelle clé à la place.
api-confirm-revoke = Révoquer la clé
api-revoked = { $name } a été révoquée.
column-may = Peut
column-expires = Expire
preset-use = Utiliser les bureaux
preset-use-text = Les voir, démarrer, arrêter, écran, fichiers, commandes
preset-watch = Regarder
preset-watch-text = Voir les bureaux, ne rien changer
preset-all = Tout
preset-all-text = Tout ce que vous pouvez vous-même, clés comprises
preset-custom = Choisir
preset-custom-text = Chaque permission séparément
scopes-desktops = Bureaux
scopes-inside = À l’intérieur
scopes-account = Espace
scopes-host = Installation
scope-desktops-read = Les voir
scope-desktops-control = Démarrer, arrêter, utiliser écran et terminal
scope-desktops-write = Créer, renommer, supprimer
scope-desktops-export = Emporter des disques entiers
scope-files-read = Lire les fichiers
scope-files-write = Changer les fichiers
scope-exec = Lancer des commandes
scope-keys-read = Voir les clés
scope-keys-write = Faire et retirer des clés
scope-billing-read = Voir ce qui est utilisé
scope-account = Changer le nom et le mot de passe
scope-host-read = Voir la santé de l’hôte
scope-admin = Gérer l’installation

## Signing a device in
device-title = Connecter un appareil
device-text = Tapez le code que montre le programme sur votre appareil.
device-code = Code
device-code-hint = Huit lettres, comme BCDF-GHJK.
device-go = Continuer
device-warn = Ne tapez qu’un code que vous voyez sur un appareil à vous, d’un programme que vous venez de lancer. Si quelqu’un vous a envoyé cette page ou un code, il veut entrer dans vos bureaux : fermez-la.
device-no-such-code = Aucun appareil n’attend sous ce code. Vérifiez-le, ou recommencez sur l’appareil : un code est valable 10 minutes.
device-ask = Connecter { $name } ?
device-ask-text = Il reçoit une clé à lui pour votre espace.
device-from = Demandé depuis
device-asked = Demandé
device-account = Se connecte comme
device-until = Fin de la clé
device-grants = Il pourra
device-revoke = Il ne peut changer ni votre nom ni votre mot de passe. Vous pouvez le révoquer à tout moment sur la page Clés d’API.
device-warn-decide = Votre appareil montre-t-il ce code, et avez-vous vous-même lancé cette connexion ? Le nom est celui que le programme se donne. Dans le doute, refusez.
device-deny = Refuser
device-allow = Autoriser
device-allowed = L’appareil est connecté
device-allowed-text = Il continue de lui-même dans quelques secondes. Vous pouvez fermer cette page.
device-denied = L’appareil a été refusé
device-denied-text = Il n’a rien reçu. Si quelqu’un vous a demandé de taper le code, dites-le à votre opérateur.

## Why a desktop failed, by the API’s code, for languages that it does not speak
reason-lost = L’hôte ne détient plus la machine de ce bureau.
reason-died = La machine s’est terminée d’elle-même plusieurs fois. Regardez sa console avant de réessayer.
reason-start_failed = La machine n’a pas démarré. Regardez le détail, puis réessayez.
reason-door_timeout = La machine a démarré mais n’a pas pu être jointe à temps. Regardez sa console, puis réessayez.
reason-personalise_failed = La machine a démarré mais n’a pas pu recevoir son identité. Réessayez.
reason-template_gone = Le modèle de ce bureau n’est pas sur l’hôte. Construisez-le, puis réessayez.
reason-base_mismatch = La mémoire du modèle a été préparée pour une autre version de QEMU ou un autre processeur. Préparez-la de nouveau, puis réessayez.
reason-origin_gone = Le bureau à dupliquer n’a pas pu être gardé. Dupliquez-le de nouveau et supprimez celui-ci.
reason-memory_unusable = Sa mémoire suspendue ne peut pas être rétablie. Redémarrez-le depuis son disque, sans ce qui n’était qu’en mémoire.
reason-restore_failed = Il n’a pas pu être ramené en arrière ; ce qu’il était est gardé comme instantané.
reason-not_answering = Sa machine tourne, mais rien n’y répond : elle est bloquée ou arrêtée. Redémarrez-le depuis son disque.
reason-slowed_disk_nearly_full = Le disque de l’hôte est presque plein, il écrit donc lentement. Supprimez ce qui est inutile, dedans ou à côté.
reason-slowed_disk_quota = Son espace a tout ce qu’il peut avoir du disque de l’hôte, il écrit donc lentement. Supprimez ce qui est inutile, dedans ou à côté.
reason-paused_disk_nearly_full = Le disque de l’hôte est presque plein, il est donc arrêté sur place. Libérez de la place, et il continue où il était.
reason-paused_disk_quota = Son espace a tout ce qu’il peut avoir du disque de l’hôte, il est donc arrêté sur place. Supprimez des instantanés, des bureaux ou des modèles, et il continue où il était.
reason-not_answering-unknown = Sa machine tourne, mais rien n’y répond. Terminez ce qui y tourne ; si ce n’est pas possible, redémarrez-le.
reason-not_answering-halted = Il ne répond pas, car sa machine ne fait rien : elle est bloquée ou arrêtée. Redémarrez-le depuis son disque.
reason-not_answering-processors = Il ne répond pas, car ses processeurs sont tout occupés. Terminez ce qui y tourne ; si ce n’est pas possible, redémarrez-le.
reason-not_answering-processes = Il ne répond pas, car il a autant de processus qu’il peut en avoir. Terminez ce qui y tourne ; si ce n’est pas possible, redémarrez-le.
reason-not_answering-memory = Il ne répond pas, car il n’a plus de mémoire. Terminez ce qui y tourne ; si ce n’est pas possible, redémarrez-le.
not-answering = ne répond pas
not-answering-since = Dernière réponse :
reason-resume_failed = Rétabli, il n’a pas pu être ouvert à temps ; sa mémoire est conservée. Réessayez, ou redémarrez-le depuis son disque, sans ce qui n’était qu’en mémoire.
reason-suspend_failed = Réessayez, et consultez le journal de l’hôte si cela se reproduit.
reason-disk_full = Le disque de l’hôte est plein. Libérez de la place, puis réessayez.
reason-no_memory = L’hôte a trop peu de mémoire libre. Arrêtez d’autres bureaux, puis réessayez.
reason-host_unreachable = L’hôte n’a pas répondu. Vérifiez qu’il tourne, puis réessayez.

## Instantanés
snapshots = Instantanés
snapshots-empty-title = Pas encore d’instantané
snapshots-empty-text = Un instantané garde un bureau tel qu’il est, mémoire comprise. On peut en faire des bureaux qui continuent à partir de là.
snapshots-text = Chacun garde un bureau à un moment donné. Les bureaux qui en sont faits continuent à partir de là.
snapshots-none-of-it = Aucun de ce bureau pour l’instant.
column-of = De
column-made = Créé
column-taken = Pris
snapshot-no-memory = disque seul
snapshot-taking = En cours
snapshot-ready = Prêt
snapshot-failed = Pas pris
snapshot-deleting = Suppression
snapshot-fork = Dupliquer
snapshot-restore = Revenir
snapshot-bring-back = Rétablir
snapshot-kept-until = gardé jusqu’à
snapshot-desktop-gone = supprimé
snapshot-ask-restore = Ramener { $name } en arrière ?
snapshot-warn-restore = Il reprend tel qu’il était alors, disque et mémoire. Ce qu’il est maintenant est d’abord gardé un jour comme instantané, pour pouvoir en revenir aussi.
snapshot-restored = { $name } revient en arrière.
snapshot-forked = { $name } est en préparation.
snapshot-ask-delete = Supprimer { $name } ?
snapshot-warn-delete = Ce que seul cet instantané garde disparaît pour de bon. Les bureaux qui en ont été faits restent tels quels.
snapshot-confirm-delete = Supprimer l’instantané
snapshot-deleted = { $name } est supprimé.

## Several at once
pick = Choisir { $name }
pick-all = Tout choisir
bulk-label = Avec ceux choisis
bulk-picked = choisis
ask-bulk-stop = { $count ->
    [one] Arrêter { $count } bureau ?
   *[other] Arrêter { $count } bureaux ?
}
ask-bulk-delete = { $count ->
    [one] Supprimer { $count } bureau ?
   *[other] Supprimer { $count } bureaux ?
}
confirm-bulk-stop = { $count ->
    [one] Arrêter le bureau
   *[other] Arrêter { $count } bureaux
}
confirm-bulk-delete = { $count ->
    [one] Supprimer le bureau
   *[other] Supprimer { $count } bureaux
}
warn-bulk-stop = Ceux-ci sont éteints et leurs programmes se terminent. Leurs disques restent tels quels. Ce qui est en mémoire est gardé un jour, pour pouvoir les rétablir.
warn-bulk-stop-for-good = Ceux-ci sont éteints et leurs programmes se terminent. Leurs disques restent tels quels. Ce qui est en mémoire est perdu.
warn-bulk-delete = Ceux-ci auront disparu, chacun avec son disque et tous ses fichiers :
done-bulk-start = { $count ->
    [one] { $count } bureau démarre.
   *[other] { $count } bureaux démarrent.
}
done-bulk-suspend = { $count ->
    [one] { $count } bureau est en cours de suspension.
   *[other] { $count } bureaux sont en cours de suspension.
}
done-bulk-stop = { $count ->
    [one] { $count } bureau s’arrête.
   *[other] { $count } bureaux s’arrêtent.
}
done-bulk-delete = { $count ->
    [one] { $count } bureau est en cours de suppression.
   *[other] { $count } bureaux sont en cours de suppression.
}

## Documentation
docs-overview = Vue d’ensemble
docs-contents = Sommaire
docs-on-page = Sur cette page
docs-near = Avant et après
docs-before = Précédent
docs-after = Suivant
docs-search = Chercher dans l’aide
docs-search-hint = Des mots ou des débuts de mots, par exemple : upload resume
docs-nothing = Rien trouvé. Essayez des mots moins nombreux ou plus courts.
docs-in-english = La documentation est en anglais.
docs-copy = Copier le code
docs-code = Code
docs-table = Tableau
docs-api = Référence de l’API
docs-types = Types
docs-parameters = Paramètres
docs-body = Corps
docs-answers = Réponses
docs-example = Exemple
docs-optional = facultatif

## Un aperçu : ce qu’un programme d’un bureau montre sur un de ses ports

preview-opening = Ouverture de l’aperçu
preview-go-on = Continuer
preview-waiting = Il s’ouvre de lui-même dès qu’il est là.
preview-home = Ouvrir Rolltop
preview-closed-title = Rien n’écoute encore sur le port { $port }
preview-closed-text = Lancez un serveur web dans le bureau { $name } sur le port { $port }.
preview-off-title = { $name } n’est pas en marche
preview-off-text = Un aperçu demande que son bureau soit en marche. Démarrez-le dans Rolltop.
preview-busy-title = Trop de connexions
preview-busy-text = Le bureau { $name } a autant de connexions à ses ports qu’il peut en avoir. Fermez quelques-unes de ses pages.
preview-unreachable-title = { $name } ne répond pas
preview-unreachable-text = Il démarre peut-être, ou a beaucoup à faire.
preview-broken-title = Pas de réponse du port { $port }
preview-broken-text = Quelque chose y écoute, mais ce n’est pas un serveur web ou il a rompu.
preview-share-gone-title = Ce lien ne marche plus
preview-share-gone-text = Il a expiré ou a été révoqué. Demandez-en un autre à qui vous l’a donné.

## Le volet : ports

tab-ports = Ports
ports-looking = On cherche ce qui écoute
ports-listening = À l’écoute
ports-again = Regarder à nouveau
ports-none = Aucun programme n’attend de connexion. Lancez un serveur web dans le bureau, sur un port quelconque de sa boucle locale, et regardez à nouveau.
ports-no-names = Un aperçu demande un nom d’hôte ; cette page a été ouverte par une adresse. Prenez la commande ci-dessous.
ports-own = Sur votre machine
ports-own-text = Ceci amène un port du bureau au même port de votre machine, sans aucun nom d’hôte.
ports-forward = la commande
port-open = Ouvrir
port-open-name = Ouvrir le port { $port }
port-copy = Copier l’adresse du port { $port }
port-copy-title = Copier l’adresse
port-share = Partager
shares = Liens de partage
shares-none = Aucun. Seuls les membres de l’espace voient les aperçus.
share-until = jusqu’au
share-revoke = Révoquer
share-revoked = Le lien n’ouvre plus rien.
share-title = Partager le port { $port } de { $name }
share-text = Qui a le lien voit ce que montre ce port, sans compte, et rien d’autre. Vous pouvez le révoquer à tout moment.
share-lasts = Il dure
share-hour = 1 heure
share-day = 1 jour
share-week = 7 jours
share-make = Faire un lien
share-made = Le lien est fait
share-link = le lien
share-once = Il n’est montré que cette fois. Il dure

# Veille
sleep = Veille
sleep-never = Il ne se met jamais en veille de lui-même.
sleep-after = { $count ->
    [one] Il se met en veille après 1 minute sans usage.
   *[other] Il se met en veille après { $count } minutes sans usage.
}
sleep-hours = Éveillé { $days }, de { $from } à { $to } ({ $zone }).
sleep-awake-because = Éveillé parce que
sleep-holds = Maintenu éveillé par
sleep-change = Modifier…
sleep-title = Quand il se met en veille
sleep-text = Un bureau en veille garde tout, sa mémoire aussi, et n’occupe rien de la mémoire de l’hôte. Il ne se met jamais en veille pendant qu’on l’utilise ou qu’il travaille.
sleep-after-label = En veille après
sleep-minutes = minutes sans usage
sleep-minutes-wrong = Les minutes sont un nombre entier de 1 à 10 080. Pour jamais, décochez.
sleep-scheduled-label = Rester éveillé à ces heures, et démarrer à leur début
sleep-days = Jours
sleep-from = De
sleep-to = À
sleep-zone = Fuseau horaire
sleep-wakes = Sa page, SSH, une commande ou un aperçu le réveille en une ou deux secondes.
sleep-set = Sa veille est réglée.
sleep-set-never = Il ne se met plus jamais en veille de lui-même.
save = Enregistrer
day-mon = lun.
day-tue = mar.
day-wed = mer.
day-thu = jeu.
day-fri = ven.
day-sat = sam.
day-sun = dim.
awake-until = jusqu’à
awake-screen = { $count ->
    [one] son écran est ouvert
   *[other] son écran est ouvert { $count } fois
}
awake-terminal = { $count ->
    [one] un terminal est ouvert
   *[other] { $count } terminaux sont ouverts
}
awake-command = { $count ->
    [one] une commande tourne
   *[other] { $count } commandes tournent
}
awake-port = { $count ->
    [one] une connexion à un port est ouverte
   *[other] { $count } connexions à des ports sont ouvertes
}
awake-ssh = { $count ->
    [one] une connexion SSH est ouverte
   *[other] { $count } connexions SSH sont ouvertes
}
awake-files = des fichiers sont en cours de copie
awake-processor = ses processeurs travaillent : { $amount } % d’un seul
awake-network = il envoie et reçoit { $amount } par seconde
awake-hold = il est maintenu
awake-schedule = son horaire le veut
awake-recent-use = il vient d’être utilisé
hold-ask = Garder éveillé…
hold-title = Garder { $name } éveillé
hold-text = Jusque-là il ne se met pas en veille de lui-même, quelle que soit sa règle. Vous pouvez lâcher plus tôt.
hold-lasts = Pendant
hold-hour = 1 heure
hold-hours = 4 heures
hold-day = 1 jour
hold-reason = Pour quoi (facultatif)
hold-made = Il reste éveillé.
hold-release = Lâcher
hold-released = Cela ne le maintient plus.

# History
history-created = Fait à partir de
history-forked = Dérivé de
history-started = Démarré
history-resumed = Repris
history-stopped = Arrêté
history-suspended = Suspendu
history-restarted = Redémarré
history-retried = Nouvel essai
history-deleted = Supprimé
history-renamed = Renommé en
history-snapshot-taken = Gardé sous le nom
history-restored = Remis à
history-died = Terminé de lui-même, redémarré
history-rebooted = Redémarré de l’intérieur
history-shut-down = Éteint de l’intérieur
history-held = Arrêté sur place
history-went-on = A continué
history-failed = Échec
history-not-answering = Ne répondait plus
history-answers-again = Répondait de nouveau
history-processes-ended = Ce qui tournait a été terminé
cause-halted = car sa machine ne faisait rien
cause-processors = car ses processeurs étaient tout occupés
cause-processes = car il avait autant de processus que possible
cause-memory = car il n’avait plus de mémoire
history-under-way = en cours
cause-paused_disk_nearly_full = car le disque de l’hôte est presque plein
cause-paused_disk_quota = car son espace a tout ce qu’il peut avoir du disque
cause-ssh = pour une connexion SSH
cause-screen = pour son écran
cause-terminal = pour un terminal
cause-exec = pour une commande
cause-files = pour ses fichiers
cause-file-read = pour un fichier
cause-ports = pour une connexion à un port
cause-schedule = selon son horaire
cause-unused = car personne ne l’utilisait
cause-used = car quelqu’un est venu

# Après un redémarrage de l’hôte
labels = Étiquettes
labels-hint = Par exemple team=research, gpu. Elles servent à trouver les bureaux.
labels-title = Étiquettes et note
labels-text = Les étiquettes servent à trouver les bureaux, par exemple team=research. Une note est un texte libre.
labels-edit = Modifier
label-clear = Montrer aussi les bureaux sans { $label }
note = Note
note-hint = Un texte libre, pour qui le lira ensuite.
choices-title = Réglages
choices-done = Les réglages de { $name } sont enregistrés.
screen-size = Taille de l’écran
screen-size-follow = Comme la fenêtre de qui l’utilise
screen-size-text = Un agent qui clique à des endroits en veut une qui reste. L’écran est mis à l’échelle là où il ne tient pas.
autostart = Après un redémarrage de l’hôte
autostart-label = Le redémarrer
autostart-text = Ce qui n’était qu’en mémoire est perdu quand l’hôte s’arrête pendant qu’il tourne. Un bureau suspendu est gardé entier.
reason-host_restarted = L’hôte a été redémarré, et ce qui n’était qu’en mémoire est perdu ; démarrez-le à nouveau.
history-host-restarted = Éteint, car l’hôte a été redémarré

schedule = Instantanés planifiés
schedule-none = Des instantanés ne sont pris que sur demande.
schedule-every = { $count ->
    [one] Il en est pris un chaque heure tant qu’il fonctionne.
   *[other] Il en est pris un toutes les { $count } heures tant qu’il fonctionne.
}
schedule-last = { $count ->
    [one] Le dernier reste.
   *[other] Les { $count } derniers restent.
}
schedule-days = { $count ->
    [one] Celui du dernier jour aussi.
   *[other] Le dernier de chacun de { $count } jours aussi.
}
schedule-next = Prochain :
schedule-title = Instantanés planifiés
schedule-text = Tant que le bureau fonctionne, il est gardé de temps en temps, mémoire comprise. Ce que vous prenez vous-même n’est jamais supprimé par là.
schedule-label = Prendre des instantanés d’office
schedule-each = Toutes les
schedule-hours = heures
schedule-keep = Garder les
schedule-latest = derniers
schedule-daily = Et un par jour pendant
schedule-of-days = jours
schedule-wrong = Écrivez des nombres entiers : heures, combien en garder, jours.
schedule-set = Le plan est réglé.
snapshot-by-schedule = d’office

resize = Changer la taille…
resize-title = Changer la taille
resize-disk = Disque
resize-text = Un disque grandit tout de suite, bureau en marche, et ne rétrécit jamais. Processeurs et mémoire changent au redémarrage : ses programmes se terminent alors, et son disque reste tel quel. Ce qui est en mémoire est gardé un jour, pour pouvoir annuler.
resize-restart = Le redémarrer maintenant si c’est nécessaire
resize-disk-wrong = Le disque est un nombre entier de GiB.
resize-waits = Il garde les processeurs et la mémoire d’avant jusqu’à son redémarrage.
resized = { $name } a sa nouvelle taille.
history-resized = Taille changée :
history-screen-fixed = Taille de l’écran fixée :
history-screen-freed = L’écran suit de nouveau qui l’utilise

usage = Utilisation
usage-span = Période affichée
usage-hour = Heure
usage-day = Jour
usage-month = 30 jours
usage-processors = Processeurs
usage-memory = Mémoire propre
usage-disk = Disque propre
usage-received = Reçu
usage-sent = Envoyé
usage-percent = { $value } %
usage-per-second = { $value }/s
usage-most = { $now }, au plus { $most }
usage-none = rien encore

template-save = Enregistrer comme modèle…
template-title = Enregistrer comme modèle
template-name-hint = Lettres minuscules, chiffres, points et traits d’union. L’enregistrer à nouveau sous ce nom en fait une version plus récente.
template-field-title = Titre, s’il doit s’afficher autrement
template-field-description = Description
template-logins = Connexions que le modèle n’aura pas
template-logins-text = Trouvées dans ce bureau. Cochez ce qui doit y rester : quiconque crée un bureau à partir du modèle l’aura alors.
template-logins-none = Aucune connexion trouvée là où les outils les gardent d’habitude.
template-logins-looking = Recherche de connexions…
template-logins-unseen = Les connexions qu’il contient ne se voient que lorsqu’il est en marche. Toutes celles qui sont connues sont retirées.
login-browsers = Profils de navigateur
template-text = De nouveaux bureaux pourront en partir, tel qu’il est maintenant. Une copie est débarrassée des clés, mots de passe, historiques, profils de navigateur et journaux ; les autres fichiers restent, et ne sont pas chiffrés dans un modèle. Cela prend une minute environ.
template-saving = { $name } est en préparation. Il est sous Instantanés, et dans Nouveau bureau dès qu’il est prêt.
template-own = Vos modèles
template-failed = Non créé
template-is-saving = En préparation
template-delete = Supprimer le modèle { $name }
template-warn-delete = Plus aucun bureau ne pourra en partir. Ceux qui en sont partis restent.
template-confirm-delete = Supprimer le modèle
template-deleted = { $name } est supprimé.

setup = Mise en place
setup-title = Préparer avec un dépôt ou un script
setup-none = Un dépôt git peut y être cloné, et un script exécuté.
setup-begin = Préparer…
setup-again = Préparer à nouveau…
setup-stop = Arrêter la préparation
setup-stopping = La préparation est en train de s’arrêter.
setup-waiting = Attend que le bureau tourne
setup-running = En préparation
setup-done = Préparé
setup-failed = Non préparé
setup-failed-why = Elle s’est terminée avant la fin ; son journal dit pourquoi.
setup-has-failed = La préparation a échoué.
setup-show = Voir le journal
setup-log = Ce que la préparation a écrit
setup-repository = Dépôt git
setup-repository-hint = Son adresse sans mot de passe, par exemple https://example.org/tools.git. Il va dans le dossier personnel.
setup-branch = Branche ou étiquette
setup-script = Script
setup-script-hint = Exécuté par l’utilisateur desk, dans le dépôt s’il y en a un ; sudo ne demande rien.
setup-text = Le bureau reste utilisable. L’avancement et ce qui est écrit se trouvent dans son volet, sous Activité.
setup-asked = En préparation ; à suivre sous Activité.
awake-setup = il est en préparation
history-set-up = Préparé
purpose-setup = L’a préparé

import = Importer…
import-progress = Part du fichier déjà envoyée
snapshot-export = Exporter son disque
purpose-export = A exporté son disque

copy-make = Copier hors de cet hôte
copy-made = Une copie de { $name } est en cours. Elle figure plus bas.
copies = Copies hors de cet hôte
copies-text = Chiffrées avant leur départ. Chacune contient un disque et reste quand son instantané disparaît.
copy-waiting = En attente
copy-copying = Copie en cours
copy-done = Copié
copy-failed = Non copié
copy-fetching = En cours de récupération
copy-fetch = La ramener ici
copy-fetch-begun = { $name } est en cours de récupération. Elle sera parmi les instantanés une fois ici.
copy-actions-of = Actions pour la copie { $name }
copy-ask-delete = Supprimer la copie { $name }
copy-warn-delete = Elle est supprimée là où elle est gardée. Son instantané, s’il est encore ici, reste.
copy-confirm-delete = Supprimer la copie
copy-deleted = La copie { $name } est supprimée.

schedule-copies = Copier aussi chacun hors de cet hôte, tant qu’il reste
schedule-copied = Chacun est aussi copié hors de cet hôte.
schedule-copied-nowhere = Chacun est à copier hors de cet hôte, mais aucun emplacement pour les copies n’y est configuré.
