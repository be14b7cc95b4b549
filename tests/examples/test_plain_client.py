def test_the_plain_client_reads_moves_and_sees(run_example, fake_daemon):
    said = run_example("plain_client.py", fake_daemon)
    assert "fake, FAKE" in said
    assert "step 10: at 0.26" in said
    assert said.count("clipped []") == 10
    assert "camera front: fake, (128, 128, 3)" in said
