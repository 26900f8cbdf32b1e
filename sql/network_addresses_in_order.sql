-- inet and cidr follow btree's order: family, network, netmask, host; macaddr,
-- macaddr8 and uuid that of their bytes.
SELECT setseed(0.45);
CREATE TABLE address_source AS SELECT row_number() OVER () AS id, v FROM (
  SELECT unnest('{0.0.0.0,0.0.0.0/0,255.255.255.255,255.255.255.255/0,10.0.0.0/8,10.0.0.0/9,10.0.0.0,10.1.2.3/8,10.1.2.3/7,10.1.2.3/16,10.1.2.3/24,10.1.2.3/31,10.1.2.3/32,10.1.2.2/31,10.128.0.0/9,
    11.0.0.0/7,10.0.0.1/7,::/0,::,::1,::1/127,::1/0,fe80::/10,fe80::1/10,fe80::1/11,fe80::1,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/3,::ffff:10.1.2.3,
    2001:db8::/32,2001:db8::/33,2001:db8:8000::/33,2001:db8::1/32}'::inet[])
  UNION ALL SELECT ('0.0.0.0'::inet + (random() * 4294967295)::bigint) FROM generate_series(1, 400)
  UNION ALL SELECT set_masklen('10.0.0.0'::inet + (random() * 65535)::bigint, (random() * 32)::int) FROM generate_series(1, 900)
  UNION ALL SELECT set_masklen('2001:db8::'::inet + (random() * 1e15)::bigint, (random() * 128)::int) FROM generate_series(1, 700)) s(v);
SELECT check_type('inet', 'SELECT v FROM address_source');
SELECT check_comparisons('inet', 'SELECT v FROM address_source WHERE id <= 33');
SELECT check_comparisons('cidr', 'SELECT v::cidr FROM address_source WHERE id <= 33');
SELECT same_rows('SELECT v FROM typed WHERE v = ''10.1.2.3''', 'typed_v');
SELECT check_type('cidr', 'SELECT v::cidr FROM address_source');
SELECT check_type('macaddr', 'SELECT unnest(''{00:00:00:00:00:00,ff:ff:ff:ff:ff:ff,7f:ff:ff:ff:ff:ff,80:00:00:00:00:00,00:00:00:80:00:00,00:00:ff:00:00:00}''::macaddr[])
  UNION ALL SELECT left(md5(random()::text), 12)::macaddr FROM generate_series(1, 2000) UNION ALL SELECT (''00000000000'' || g % 10)::macaddr FROM generate_series(1, 20) g');
SELECT check_type('macaddr8', 'SELECT unnest(''{00:00:00:00:00:00:00:00,ff:ff:ff:ff:ff:ff:ff:ff,7f:ff:ff:ff:ff:ff:ff:ff,80:00:00:00:00:00:00:00,00:00:00:00:80:00:00:00}''::macaddr8[])
  UNION ALL SELECT left(md5(random()::text), 16)::macaddr8 FROM generate_series(1, 2000) UNION ALL SELECT (''000000000000000'' || g % 10)::macaddr8 FROM generate_series(1, 20) g');
SELECT check_type('uuid', 'SELECT unnest(''{00000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-ffffffffffff,80000000-0000-0000-0000-000000000000,00000000-0000-0000-8000-000000000000}''::uuid[])
  UNION ALL SELECT md5(random()::text)::uuid FROM generate_series(1, 2000) UNION ALL SELECT md5((g % 7)::text)::uuid FROM generate_series(1, 30) g');
