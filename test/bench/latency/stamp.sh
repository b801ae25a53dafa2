# What is measured: says when its first and its last instruction ran. $1: a pipe, $2: which one it is.
echo "start $2 $EPOCHREALTIME" >"$1"
echo "end $2 $EPOCHREALTIME" >"$1"
