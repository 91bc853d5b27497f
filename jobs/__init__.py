"""One file a command: parse, build the configuration, call the pipeline, print, exit."""
