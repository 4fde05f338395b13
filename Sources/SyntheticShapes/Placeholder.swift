// The module's files move here in the commits that follow.
