"""The demo: a made-up distributor, and its six weeks."""
