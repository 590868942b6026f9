#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cases of a token suite as lines for test_token_suite.c: two JWK sets (issuers A and B), then
NAME <tab> STATUSES <tab> ERROR <tab> PATH <tab> TOKEN.  Argument: the folder of the suite (mint.py)."""
import importlib.util
import json
import os
import sys
import tempfile
import types

sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location('mint', os.path.join(sys.argv[1], 'mint.py'))
mint = importlib.util.module_from_spec(spec)
sys.modules['mint'] = mint
spec.loader.exec_module(mint)
mint.load_cases()
with tempfile.TemporaryDirectory() as folder:
    run = mint.Run(types.SimpleNamespace(keys=os.path.join(folder, 'keys.json'), target='', audience='https://data.test/',
                                         issuer_port=19577))
for letter in 'AB':
    print(json.dumps(run.issuers[letter].jwks()))
for case in mint.CASES:
    token = run.token(case) if case['transport'] in ('header', 'header_lower') and not case['dyn'] else None
    if token is None or (case['group'] == 'opaque' and 200 in case['expect']):
        continue
    print('\t'.join([case['name'], ','.join(map(str, case['expect'])), case['error'] or '-', case['path'], token]))
