// The target's files come in the commits that follow.
