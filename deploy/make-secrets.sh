#!/bin/sh
# Makes what compose.yaml needs and no repository may hold: passwords, and a certificate of the broker. What is there
# already stays, so that it can be run again for another device.
#
#   deploy/make-secrets.sh THING ...        a user of the broker for each device; its password is in secrets/things/THING
#
# HOST     the name or address that devices write into `mqtt.host`; by default this machine's name
# SECRETS  the folder; by default deploy/secrets
set -eu
umask 077
SECRETS=${SECRETS:-$(dirname "$0")/secrets}
HOST=${HOST:-$(hostname)}

stop() {
  printf 'make-secrets: %s\n' "$*" >&2
  exit 1
}

for each in openssl mosquitto_passwd; do
  command -v "$each" >/dev/null 2>&1 || stop "$each is missing (Debian: apt install openssl mosquitto)"
done
case $HOST in
  '' | *[!A-Za-z0-9._:-]*) is_host=no ;;
  *:*[!0-9A-Fa-f:.]* | *[!0-9A-Fa-f:.]*:*) is_host=no ;;
  *:*:*) is_host=yes name=IP:$HOST ;;
  *:*) is_host=no ;;
  *[!0-9.]*) is_host=yes name=DNS:$HOST ;;
  *) is_host=yes name=IP:$HOST ;;
esac
[ $is_host = yes ] || stop "HOST: \"$HOST\" is no name or address of a machine; allowed: such as broker.example.com (no port)"
for thing; do
  case $thing in
    '' | *[!A-Za-z0-9_-]*) stop "\"$thing\" is no name of a device here; allowed: letters, digits, '_' and '-'" ;;
    sink | desk) stop "\"$thing\" is taken: the broker knows a user of that name" ;;
  esac
done

# A new password into a file, if there is none.
password() {
  [ -s "$1" ] && return 0
  openssl rand -hex 24 | tr -d '\n' >"$1.new"
  mv "$1.new" "$1"
}

# A user of the broker with the password of a file.
user() {
  password "$2"
  grep -q "^$1:" "$SECRETS/broker/mosquitto.passwd" 2>/dev/null && return 0
  # Hashed in a file of its own: a password among the arguments would stand in the list of processes.
  printf '%s:%s\n' "$1" "$(cat "$2")" >"$SECRETS/broker/new"
  mosquitto_passwd -U "$SECRETS/broker/new"
  cat "$SECRETS/broker/new" >>"$SECRETS/broker/mosquitto.passwd"
  rm "$SECRETS/broker/new"
}

certificate() {
  [ -s "$SECRETS/broker/broker.pem" ] && return 0
  # The authority stays when the certificate is made anew: devices have it already.
  [ -s "$SECRETS/ca.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=edge-mask authority" -keyout "$SECRETS/ca.key" -out "$SECRETS/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=edge-mask broker" \
    -keyout "$SECRETS/broker/broker.key" -out "$SECRETS/broker.csr" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$name" >"$SECRETS/broker.ext"
  openssl x509 -req -in "$SECRETS/broker.csr" -CA "$SECRETS/ca.pem" -CAkey "$SECRETS/ca.key" -days 825 \
    -extfile "$SECRETS/broker.ext" -out "$SECRETS/broker/broker.pem" 2>/dev/null
  rm -f "$SECRETS/broker.csr" "$SECRETS/broker.ext" "$SECRETS/ca.srl"
}

mkdir -p "$SECRETS/broker" "$SECRETS/things"
certificate
for each in postgres grafana-reader grafana-admin; do password "$SECRETS/$each"; done
user sink "$SECRETS/sink-mqtt"
user desk "$SECRETS/desk-mqtt"
for thing; do user "$thing" "$SECRETS/things/$thing"; done
# Compose shows these files to users of its containers by their numbers: the folder above keeps all others out.
chmod 755 "$SECRETS/broker"
chmod 644 "$SECRETS"/broker/* "$SECRETS/postgres" "$SECRETS/grafana-reader" "$SECRETS/grafana-admin" "$SECRETS/sink-mqtt"
if [ "$(id -u)" = 0 ]; then # mosquitto warns of files that others may read
  chown 1883:1883 "$SECRETS"/broker/*
  chmod 600 "$SECRETS"/broker/*
fi
printf 'Devices need %s, and their password in %s.\n' "$SECRETS/ca.pem" "$SECRETS/things"
