/*
 * detector_list.h - every kind of sensitive text we know, one row each.
 *
 * SCAN(id, code, where, anchor, next, looks_back, scan, valid, cue, example, look_alike)
 *     with a scan of its own
 * NUMBER(id, code, shape, valid, cue, example, look_alike)
 *     of a country: a shape (scan_shape.c), a check, and a cue where chance text passes
 *     the check too often
 * TOKEN(id, shape, valid, example, look_alike)
 *     of a service, begins with what only its tokens begin with
 *
 * with the meaning of struct detector's members.  `penstock list detectors` prints them.
 * Examples of tokens are written in two parts, so that nobody's scanner takes them for real.
 */
#ifndef SCAN
#define SCAN(...)
#endif
#ifndef NUMBER
#define NUMBER(...)
#endif
#ifndef TOKEN
#define TOKEN(...)
#endif
/* clang-format off */

SCAN("pii.email", "EM", ANYWHERE, "@", "", true, scan_email, NULL, NULL, "ada@example.org", "git@localhost")
SCAN("pii.email", "EM", ANYWHERE, "%", "4|0", true, scan_email, NULL, NULL, "to=ada%40example.org", "ada%40localhost")
SCAN("pii.iban", "IB", WORD, "A-Za-z", "A-Za-z|0-9|0-9", false, scan_iban, check_iban, NULL,
     "DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00")
SCAN("pii.card", "CC", WORD, "0-9", "0-9|0-9|0-9", false, scan_card, check_card, NULL, "4111 1111 1111 1111", "4111 1111 1111 1112")
SCAN("pii.ip", "IP", WORD, "0-9", "0-9.|0-9.|0-9.", false, scan_ipv4, NULL, NULL, "203.0.113.7", "203.0.113.256")
SCAN("pii.mac", "MA", WORD, "0-9A-Fa-f", "0-9A-Fa-f|0-9A-Fa-f:-|0-9A-Fa-f", false, scan_mac, check_mac, NULL, "00:1a:2B:3c:4d:5e", "00:1a:2B:3c:4d")
SCAN("pii.ip", "IP", WORD, "0-9A-Fa-f", "0-9A-Fa-f:|0-9A-Fa-f:|0-9A-Fa-f:", false, scan_ipv6, NULL, NULL, "2001:db8::8a2e:370:7334", "12:34:56")
SCAN("pii.ip", "IP", ANYWHERE, ":", ":", false, scan_ipv6, NULL, NULL, "::ffff:203.0.113.7", "::")
NUMBER("pii.ssn", "SS", "%d{3}-%d{2}-%d{4}", check_us_ssn, NULL, "536-22-8726", "666-22-8726")
NUMBER("pii.ssn", "SS", "%d{3}.%d{2}.%d{4}", check_us_ssn, NULL, "536.22.8726", "536.22-8726")
NUMBER("pii.ssn", "SS", "%d{3}%-%d{2}%-%d{4}", check_us_ssn, "ssn|social security|social|ss#", "SSN 536 22 8726", "536 22 8726")
SCAN("pii.phone", "PH", WORD, "0-9", "0-9 ()./-", false, scan_phone, NULL, NULL, "212-555-0173", "212-155-0173")
SCAN("pii.phone", "PH", ANYWHERE, "+(", "0-9(", false, scan_phone, NULL, NULL, "+44 20 7946 0958", "+0 20 7946 0958")
SCAN("pii.url_login", "UL", ANYWHERE, ":", "/|/", false, scan_url_login, NULL, NULL, "https://ada:secret@example.org", "https://example.org/a:b@c")
SCAN("pii.birth_date", "DB", WORD, "0-9JFMASOND", "0-9aepucostnr /.,-|0-9nbrylgptvcdhJFMASONDjfmasond /.,-", false, scan_date, NULL,
     "born|birth|birthday|dob|d.o.b|birthdate|geboren|geburtsdatum|né|née|naissance|nacido|nacida|nacimiento|nato|nata|nascita",
     "born on 12 March 1985", "paid on 12 March 1985")
NUMBER("pii.crypto", "CR", "%[13]%a{25,34}", check_base58, NULL, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb")
NUMBER("pii.crypto", "CR", "bc1%a{11,87}", check_bech32, NULL, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5")
NUMBER("pii.crypto", "CR", "0x%X{40}", NULL, NULL, "0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886E0F7030069857D2E4169E")

NUMBER("pii.us_itin", "UI", "%d{3}%-%d{2}%-%d{4}", check_us_itin, "itin|taxpayer|tax id|tin", "ITIN 911-70-1234", "911-70-1234")
NUMBER("pii.us_routing", "UR", "%d{4}%-%d{4}%-%d", check_us_aba, "routing|aba|rtn|transit", "ABA 121000358", "ABA 121000359")
NUMBER("pii.us_npi", "UN", "%d{4}%-%d{3}%-%d{3}", check_us_npi, "npi|provider", "NPI 1234567893", "NPI 1234567894")
NUMBER("pii.ca_sin", "CS", "%d{3}%-%d{3}%-%d{3}", check_ca_sin, "sin|nas|social insurance|assurance sociale", "SIN 130 692 544", "SIN 130 692 545")
NUMBER("pii.uk_nhs", "NH", "%d{3}%-%d{3}%-%d{4}", check_uk_nhs, "nhs|national health|health service", "NHS 401 023 2137", "NHS 401 023 2138")
NUMBER("pii.uk_nino", "NI", "%L{2} %d{6}%L", check_uk_nino, NULL, "PR 123612C", "PO 123612C")
NUMBER("pii.uk_nino", "NI", "%L{2}%-%d{2}%-%d{2}%-%d{2}%-%L", check_uk_nino, NULL, "AA 12 34 56 B", "BG 12 34 56 B")
NUMBER("pii.de_tax", "DT", "%d{11}", check_de_tax, "steuer-id|steuerid|steuer-identifikationsnummer|identifikationsnummer|idnr|steuernummer|tax id|tin",
       "Steuer-ID 12345678903", "Steuer-ID 12345678904")
NUMBER("pii.de_tax", "DT", "%d{2} %d{3} %d{3} %d{3}", check_de_tax, "steuer-id|steuerid|steuer-identifikationsnummer|identifikationsnummer|idnr|steuernummer|tax id|tin",
       "Steuer-ID 12 345 678 903", "12 345 678 903")
NUMBER("pii.es_nif", "EN", "%d{7,8}%?-%L", check_es_nif, NULL, "55555555-K", "55555555-L")
NUMBER("pii.es_nie", "EE", "%[XYZxyz]%?-%d{7}%?-%L", check_es_nie, NULL, "Z8078221M", "Z8078221N")
NUMBER("pii.it_fiscal", "IF", "%U{6}%A{2}%U%A{2}%U%A{3}%U", check_it_fiscal, NULL, "RSSMRA85T10A562S", "RSSMRA85T10A562T")
NUMBER("pii.fr_nir", "FN", "%[1278]%-%d{2}%-%d{2}%-%[0-9]%[0-9AB]%-%d{3}%-%d{3}%-%d{2}", check_fr_nir, NULL, "2 55 08 14 168 025 38", "2 55 08 14 168 025 39")
NUMBER("pii.pl_pesel", "PP", "%d{11}", check_pl_pesel, "pesel", "PESEL 44051401458", "PESEL 44051401459")
NUMBER("pii.nl_bsn", "NB", "%d{9}", check_nl_bsn, "bsn|burgerservicenummer|sofinummer", "BSN 111222333", "BSN 111222334")
NUMBER("pii.fi_hetu", "FH", "%d{6}%[-+A-FU-Y]%d{3}%A", check_fi_hetu, NULL, "131052-308T", "131052-308U")
NUMBER("pii.se_pnr", "SP", "%d{6}%[-+]%d{4}", check_se_pnr, NULL, "811228-9874", "811228-9875")
NUMBER("pii.se_pnr", "SP", "%d{8}%?-%d{4}", check_se_pnr, "personnummer|samordningsnummer|personal identity|personal identification", "personnummer 198112289874", "198112289874")
NUMBER("pii.se_pnr", "SP", "%d{10}", check_se_pnr, "personnummer|samordningsnummer|personal identity|personal identification", "personnummer 8112289874", "8112289874")
NUMBER("pii.in_aadhaar", "IA", "%d{4}%-%d{4}%-%d{4}", check_in_aadhaar, "aadhaar|aadhar|uidai|uid", "Aadhaar 2345 6789 0124", "Aadhaar 2345 6789 0125")
NUMBER("pii.in_aadhaar", "IA", "%d{4}:%d{4}:%d{4}", check_in_aadhaar, "aadhaar|aadhar|uidai|uid", "Aadhaar 2345:6789:0124", "2345:6789:0124")
NUMBER("pii.in_pan", "IN", "%U{5}%d{4}%U", check_in_pan, NULL, "ABCPD1234Z", "ABCND1234Z")
NUMBER("pii.au_tfn", "AT", "%d{3}%-%d{3}%-%d{3}", check_au_tfn, "tfn|tax file", "TFN 876 543 210", "TFN 876 543 211")
NUMBER("pii.au_abn", "AB", "%d{2}%-%d{3}%-%d{3}%-%d{3}", check_au_abn, "abn|australian business", "ABN 51 824 753 556", "ABN 52 824 753 556")
NUMBER("pii.br_cpf", "BC", "%d{3}.%d{3}.%d{3}-%d{2}", check_br_cpf, NULL, "529.982.247-25", "529.982.247-26")
NUMBER("pii.br_cpf", "BC", "%d{11}", check_br_cpf, "cpf", "CPF 52998224725", "52998224725")
NUMBER("pii.cn_id", "CN", "%d{17}%[0-9X]", check_cn_id, NULL, "11010519491231002X", "110105194912310021")
NUMBER("pii.sg_nric", "SN", "%[STFGM]%d{7}%U", check_sg_nric, NULL, "S1234567D", "S1234567E")
NUMBER("pii.kr_rrn", "KR", "%d{6}%?-%d{7}", check_kr_rrn, NULL, "960121-1234561", "960121-1234562")
NUMBER("pii.th_id", "TH", "%d%-%d{4}%-%d{5}%-%d{2}%-%d", check_th_id, "id card|national id|citizen|บัตรประชาชน|เลขประจำตัวประชาชน", "national id 1234567890121", "1234567890121")
NUMBER("pii.tr_id", "TR", "%d{11}", check_tr_id, NULL, "10000000146", "10000000147")
NUMBER("pii.za_id", "ZA", "%d{13}", check_za_id, "id|identity", "ID number 8001015009087", "ID number 8001015009088")

SCAN("secret.private_key", "SK", ANYWHERE, "-", "-|-|-", false, scan_private_key, NULL, NULL,
     "-----BEGIN EC " "PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY\n-----END EC " "PRIVATE KEY-----",
     "-----BEGIN CERTIFICATE-----")
SCAN("secret.jwt", "SK", WORD, "e", "y|J", false, scan_jwt, check_jwt, NULL,
     "eyJhbGciOiJIUzI1NiJ9" ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "eyJub2FsZyI6MX0.eyJzdWIiOiIx.dozjgNryP4J3")
TOKEN("secret.aws_key", "AKIA%2{16}", NULL, "AKIA" "IOSFODNN7EXAMPLE", "AKIA" "IOSFODNN7EXAMPLES")
TOKEN("secret.aws_key", "ASIA%2{16}", NULL, "ASIA" "IOSFODNN7EXAMPLE", "ASIA" "IOSFODNN7EXAMPL")
TOKEN("secret.github", "gh%[pousr]_%a{36}", check_crc32, "ghp_" "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17", "ghp_" "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18")
TOKEN("secret.github", "github_pat_%a{22}_%a{59}", check_random,
      "github_pat_" "11ABCDEFG0hIjKlMnOpQrS_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1fG3hI5jK7lM9nO", "github_pat_" "11ABCDEFG0hIjKlMnOpQrS")
TOKEN("secret.gitlab", "glpat-%w{20}", check_random, "glpat-" "a1B2c3D4e5F6g7H8i9J0", "glpat-" "aaaaaaaaaaaaaaaaaaaa")
TOKEN("secret.gitlab", "glrt-%w{20}", check_random, "glrt-" "a1B2c3D4e5F6g7H8i9J0", "glrt-" "a1B2c3D4")
TOKEN("secret.gitlab", "gldt-%w{20}", check_random, "gldt-" "a1B2c3D4e5F6g7H8i9J0", "gldt-" "a1B2c3D4")
TOKEN("secret.openai", "sk-proj-%w{40,180}", check_random, "sk-proj-" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2", "sk-proj-" "a1B2c3D4e5F6")
TOKEN("secret.openai", "sk-%a{20}T3BlbkFJ%a{20}", NULL, "sk-" "a1B2c3D4e5F6g7H8i9J0T3BlbkFJa1B2c3D4e5F6g7H8i9J0", "sk-" "a1B2c3D4e5F6g7H8i9J0T3BlbkFX")
TOKEN("secret.anthropic", "sk-ant-%[as]%u{2,4}%d{2}-%w{80,120}", check_random,
      "sk-ant-" "api03-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6k7L8m9N0o1P2q3AA", "sk-ant-" "api03-a1B2c3D4")
TOKEN("secret.google", "AIza%w{35}", check_random, "AIza" "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "AIza" "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6")
TOKEN("secret.slack", "xox%[bpare]-%d{8,14}-%w{10,80}", check_random, "xoxb-" "123456789012-a1B2c3D4e5F6g7H8i9J0k1L2", "xoxb-" "123-abc")
TOKEN("secret.slack", "xapp-%d-%A{8,14}-%d{8,14}-%x{32,80}", check_random, "xapp-" "1-A0123456789-1234567890123-0123456789abcdef0123456789abcdef", "xapp-" "1-A0123456789")
TOKEN("secret.stripe", "%[sr]k_live_%a{10,99}", check_random, "sk_live_" "a1B2c3D4e5F6g7H8i9J0", "sk_live_" "a1B2")
TOKEN("secret.stripe", "%[sr]k_test_%a{10,99}", check_random, "sk_test_" "a1B2c3D4e5F6g7H8i9J0", "sk_test_" "a1B2")
TOKEN("secret.stripe", "whsec_%b{32,80}", check_random, "whsec_" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", "whsec_" "a1B2c3D4")
TOKEN("secret.npm", "npm_%a{36}", check_crc32, "npm_" "Xk2fP0rT7sLw9QzB4vN1mC6yH3jD8g3bJ3aY", "npm_" "Xk2fP0rT7sLw9QzB4vN1mC6yH3jD8g3bJ3ax")
TOKEN("secret.pypi", "pypi-AgE%w{50,1000}", check_random, "pypi-" "AgEIcHlwaS5vcmcCJDAxMjM0NTY3LTg5YWItY2RlZi0wMTIzLTQ1Njc4OWFiY2RlZg", "pypi-" "AgEIcHlwaS5vcmc")
TOKEN("secret.rubygems", "rubygems_%x{48}", check_random, "rubygems_" "0123456789abcdef0123456789abcdef0123456789abcdef", "rubygems_" "0123456789abcdef")
TOKEN("secret.huggingface", "hf_%a{34}", check_random, "hf_" "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH", "hf_" "aBcDeFgHiJkLmNoPqRsTuVwXyZ")
TOKEN("secret.sendgrid", "SG.%w{22}.%w{43}", check_random, "SG." "a1B2c3D4e5F6g7H8i9J0k1.a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V", "SG." "a1B2c3D4e5F6g7H8i9J0k1.a1B2")
TOKEN("secret.twilio", "%[SA]%[KC]%x{32}", check_random, "SK" "0123456789abcdef0123456789abcdef", "SK" "0123456789abcdef")
TOKEN("secret.mailgun", "key-%x{32}", check_random, "key-" "0123456789abcdef0123456789abcdef", "key-" "0123456789abcdef")
TOKEN("secret.mailchimp", "%x{32}-us%d{1,2}", check_random, "0123456789abcdef0123456789abcdef" "-us12", "0123456789abcdef0123456789abcdef" "-eu12")
TOKEN("secret.shopify", "shp%[acps]%[tasp]%[_]%X{32}", check_random, "shpat_" "0123456789abcdef0123456789abcdef", "shpat_" "0123456789abcdef")
TOKEN("secret.digitalocean", "do%[opr]_v1_%x{64}", check_random, "dop_v1_" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "dop_v1_" "0123456789abcdef")
TOKEN("secret.databricks", "dapi%x{32}", check_random, "dapi" "0123456789abcdef0123456789abcdef", "dapi" "0123456789abcdef")
TOKEN("secret.doppler", "dp.pt.%a{43}", check_random, "dp.pt." "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V", "dp.pt." "a1B2")
TOKEN("secret.grafana", "glsa_%a{32}_%X{8}", check_random, "glsa_" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6_0123abcd", "glsa_" "a1B2c3D4")
TOKEN("secret.linear", "lin_api_%a{40}", check_random, "lin_api_" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0", "lin_api_" "a1B2c3D4")
TOKEN("secret.notion", "ntn_%d{11}%a{35}", check_random, "ntn_" "12345678901a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R", "ntn_" "12345678901")
TOKEN("secret.perplexity", "pplx-%a{48}", check_random, "pplx-" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4", "pplx-" "a1B2c3D4")
TOKEN("secret.planetscale", "pscale_%u{2,5}_%w{32,64}", check_random, "pscale_" "tkn_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", "pscale_" "tkn_a1B2")
TOKEN("secret.postman", "PMAK-%x{24}-%x{34}", check_random, "PMAK-" "0123456789abcdef01234567-0123456789abcdef0123456789abcdef01", "PMAK-" "0123456789abcdef01234567")
TOKEN("secret.prefect", "pnu_%a{36}", check_random, "pnu_" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "pnu_" "a1B2c3D4")
TOKEN("secret.pulumi", "pul-%x{40}", check_random, "pul-" "0123456789abcdef0123456789abcdef01234567", "pul-" "0123456789abcdef")
TOKEN("secret.sentry", "sntryu_%x{64}", check_random, "sntryu_" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "sntryu_" "0123456789abcdef")
TOKEN("secret.square", "sq0atp-%w{22,60}", check_random, "sq0atp-" "a1B2c3D4e5F6g7H8i9J0k1", "sq0atp-" "a1B2c3D4")
TOKEN("secret.telegram", "%d{8,10}:A%w{34}", check_random, "123456789" ":AAa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q", "123456789" ":AAa1B2c3D4")
TOKEN("secret.vault", "hvs.%w{90,120}", check_random,
      "hvs." "CAESIa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6k7L8m9N0o1P2q3R4s5T6", "hvs." "CAESIa1B2c3D4")
TOKEN("secret.age", "AGE-SECRET-KEY-1%A{58}", check_random, "AGE-SECRET-KEY-1" "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE", "AGE-SECRET-KEY-1" "QPZRY9X8")
TOKEN("secret.alibaba", "LTAI%a{20}", check_random, "LTAI" "a1B2c3D4e5F6g7H8i9J0", "LTAI" "a1B2c3D4")
TOKEN("secret.dynatrace", "dt0c01.%A{24}.%A{64}", check_random, "dt0c01." "A1B2C3D4E5F6G7H8I9J0K1L2.A1B2C3D4E5F6G7H8I9J0K1L2A1B2C3D4E5F6G7H8I9J0K1L2A1B2C3D4E5F6G7H8", "dt0c01." "A1B2C3D4E5F6G7H8I9J0K1L2")
TOKEN("secret.groq", "gsk_%a{48,56}", check_random, "gsk_" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6", "gsk_" "a1B2c3D4")
TOKEN("secret.penstock", "sk-pen-%w{20,80}", check_random, "sk-pen-" "a1B2c3D4e5F6g7H8i9J0k1L2m3N4", "sk-pen-" "a1B2")

/* clang-format on */
#undef SCAN
#undef NUMBER
#undef TOKEN
