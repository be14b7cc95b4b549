"""Runs policies that live in other processes, by openpi's protocol: msgpack messages over a websocket."""
