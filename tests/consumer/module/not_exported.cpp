// tests/consumer/module/not_exported.cpp: a program that is refused: what headers for authors declare is in no module.
import weir;

weir::spin_lock lock;
