# docs/site/filtered.sh: the INPUT_FILTER of the Doxyfile: gives what filter.py has made of a file.
exec cat "$WEIR_FILTERED$1"
