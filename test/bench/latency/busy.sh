# A program that works: a line a second, without a fork. $1: a pipe that nobody writes to.
exec 3<>"$1"
while :; do
  echo "working $SECONDS"
  read -r -t 1 -u 3
done
