/*
 * check.h - second looks: may a text of the right shape be what it looks like?
 *
 * Each takes what a scan found and skips the separators that the shape allows.  Most
 * are checksums, with the source of the formula beside it.  Pure; any thread.
 */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include <stdbool.h>

#include "gateway/base/str.h"

typedef bool check_fn(struct str s);

/* ---- anybody's */
check_fn check_luhn;     /* ISO/IEC 7812-1 annex B */
check_fn check_mod97;    /* ISO 7064 mod 97-10 after moving four to the end, as ISO 13616 does */
check_fn check_verhoeff; /* J. Verhoeff, 1969 */
check_fn check_mod11_10; /* ISO 7064 mod 11,10 */

/* ---- of the world */
check_fn check_card; /* Luhn, and an issuer that has cards of that length */
check_fn check_iban; /* the country's length, and mod 97 */
check_fn check_mac;  /* not all zero, not all ones */

/* ---- of secrets */
check_fn check_crc32;  /* GitHub's and npm's: the last six are CRC-32 in base 62 */
check_fn check_base58; /* Bitcoin: four bytes of a double SHA-256 at the end */
check_fn check_bech32; /* BIP 173 and 350 */
check_fn check_jwt;    /* its head is JSON and names "alg" */
check_fn check_random; /* three bits a character or more (Shannon), as chance text has */

/* ---- of countries */
check_fn check_us_ssn, check_us_itin, check_us_aba, check_us_npi, check_ca_sin, check_uk_nhs,
    check_uk_nino, check_de_tax, check_es_nif, check_es_nie, check_it_fiscal, check_fr_nir,
    check_pl_pesel, check_nl_bsn, check_fi_hetu, check_se_pnr, check_in_aadhaar, check_in_pan,
    check_au_tfn, check_au_abn, check_br_cpf, check_cn_id, check_sg_nric, check_kr_rrn, check_th_id,
    check_tr_id, check_za_id;

/* Bits of information in a character of s, by how often each occurs in it. */
double check_entropy(struct str s);

/* The digits of s in order, without what stands between; how many, or -1 if more than `max`. */
int check_digits(struct str s, int *digits, int max);

#endif
